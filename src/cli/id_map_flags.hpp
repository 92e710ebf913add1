// id_map_flags: which ids of the host stand for a container's, as the user wrote it.
//
//     --uidmap CONT:HOST[:SIZE] --gidmap …    both repeatable; one alone stands for both
//     --userns keep-id                        the caller's own ids read the same inside
//
// For root HOST is an id of the host. For an ordinary user it is podman's: a number among the ids
// that are his, 0 himself and from 1 on those of /etc/subuid; with '@' before it an id of the host.
//
// keep-id exchanges two ids of the user's usual map, 0 and his own. His files are his on both
// sides; the files of an image that belong to its root lie on disk as his, so inside they are his,
// too. All other owners stay as they are.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/userns.hpp"
#include "cli/command_line.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxIdRanges = 340; // user_namespaces(7)

struct IdMapFlags {
  std::vector<std::string> uids;
  std::vector<std::string> gids;
  bool any() const { return !uids.empty() || !gids.empty(); }
};

void declare_id_map_flags(CommandLine& line, IdMapFlags& flags);

// Requires flags.any(). Throws UsageError for what is no map, Error(permission_denied) for ids that
// are not the user's, Error(invalid_argument) for a map without the owner of
// the store's files: id 0 of root's containers, an ordinary user himself.
IdMap parse_id_maps(const IdMapFlags& flags, const Identity& identity);

// Of an ordinary user; root's is the host's.
IdMap keep_id_map(const Identity& identity);

} // namespace layerbox
