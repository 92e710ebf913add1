// id_map: which user and group ids inside a user namespace stand for which outside.
// Source: user_namespaces(7), "User and group ID mappings".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace layerbox {

struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  friend bool operator==(const IdRange&, const IdRange&) = default;
};

struct IdMap {
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;

  friend bool operator==(const IdMap&, const IdMap&) = default;

  // One contiguous range for both, starting at 0 inside.
  static IdMap shifted(std::uint32_t first_outside, std::uint32_t count);
  // The id 0 inside is the caller's own `uid` and `gid`; nothing else is mapped.
  static IdMap single(uid_t uid, gid_t gid);

  bool maps_uid(std::uint32_t inside) const;
  bool maps_gid(std::uint32_t inside) const;
};

// The text that /proc/PID/uid_map takes: one "INSIDE OUTSIDE COUNT\n" a range.
std::string id_map_text(const std::vector<IdRange>& ranges);

} // namespace layerbox
