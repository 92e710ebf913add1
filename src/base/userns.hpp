// userns: how an ordinary user's process works on files that belong to his subordinate ids.
//
//     Identity who = current_identity();
//     UniqueFd ns = make_user_namespace(who.store_map);
//     call_in_user_namespace(ns, [&] { remove_tree(trash, name); });
//
// Source: user_namespaces(7), subuid(5), newuidmap(1).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/id_map.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// Whose rights this process has.
enum class Privilege : std::uint8_t {
  root,        // uid 0 with CAP_SYS_ADMIN in the initial user namespace
  subordinate, // an ordinary user with a range in /etc/subuid and /etc/subgid, and newuidmap
  single,      // an ordinary user (or root of a poor namespace) with one id to map
};

// What an ordinary user lacks to be `subordinate`.
enum class Lacks : std::uint8_t {
  nothing,
  range,  // in /etc/subuid or /etc/subgid
  helper, // newuidmap or newgidmap
  rights, // the root of a poor namespace: ids to map on, or the right to do so
};

struct Identity {
  Privilege privilege = Privilege::single;
  uid_t uid = 0; // real ids of the user who called
  gid_t gid = 0;
  // How ids in the store's trees (as the image names them) lie on disk: the identity of all ids for
  // root, {0→uid, 1…→subordinate} for `subordinate`, {0→uid} for `single`.
  IdMap store_map;
  // Why privilege is not better than it is, in words for a user; empty for root.
  std::string reason;
  // What would make it better, where something would.
  Lacks lacks = Lacks::nothing;
  std::string way_out = {};
  // Of the root of a poor namespace: what its ids are called outside of it. Else empty.
  IdMap outside = {};
};

// Looks at the process, /proc/self/uid_map, /etc/subuid and /etc/subgid. Reads small host files,
// uses no name service. Throws nothing but Error on a machine without /proc.
Identity current_identity();

// An executable of the host, found in PATH, then in /usr/bin and /bin; only absolute directories.
std::optional<std::string> find_in_path(const char* program);

// Writes /proc/PID/{uid_map,gid_map,setgroups} of `pid`, whose user namespace was made by a process
// of the caller's: directly where the caller may, else through newuidmap(1) and newgidmap(1).
// Throws Error with a hint that names the missing package or the refused range.
void write_id_maps(pid_t pid, const IdMap& map, const Identity& who);

// A user namespace with `map`, kept alive by the descriptor alone. Throws Error.
UniqueFd make_user_namespace(const IdMap& map, const Identity& who);

// The ids that `ns` maps, as this process's own user namespace knows them. Throws Error, with
// permission_denied when the caller may not enter it.
IdMap map_of_user_namespace(FdRef ns);

// Runs `work` in a child process that has entered `ns` as its root, waits for it, and rethrows the
// Error it threw (kind, errno, text, hint). `work` must not depend on threads of the parent.
void call_in_user_namespace(FdRef ns, const std::function<void()>& work);

} // namespace layerbox
