// id_map_helper: newuidmap(1) and newgidmap(1), by whose rights an ordinary user maps his
// subordinate ids; and why they have none.
//
// They need rights over the host's user namespace: as setuid programs of root's, or by file
// capabilities. A file system mounted nosuid, and no_new_privs, take both away.
// Source: newuidmap(1), capabilities(7) "File capabilities", PR_SET_NO_NEW_PRIVS(2const).
#pragma once

#include <optional>
#include <string>

#include "base/userns_refusal.hpp"

namespace layerbox {

struct IdMapHelper {
  std::string program;             // "newuidmap"
  std::optional<std::string> path; // nothing when it is not installed
  bool is_setuid_root = false;
  bool has_file_capability = false; // CAP_SETUID for the one, CAP_SETGID for the other
  bool is_on_nosuid_mount = false;
};

// `program` is "newuidmap" or "newgidmap". Throws nothing.
IdMapHelper find_id_map_helper(const std::string& program);

// Both empty when nothing is to be seen that would hinder it. Pure.
Cause why_id_map_helper_fails(const IdMapHelper& helper, const UsernsFacts& facts);

} // namespace layerbox
