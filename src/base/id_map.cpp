#include "base/id_map.hpp"

#include <algorithm>

namespace layerbox {
namespace {

bool maps(const std::vector<IdRange>& ranges, std::uint32_t inside) {
  return std::any_of(ranges.begin(), ranges.end(), [inside](const IdRange& r) {
    return inside >= r.inside && inside - r.inside < r.count;
  });
}

} // namespace

IdMap IdMap::shifted(std::uint32_t first_outside, std::uint32_t count) {
  return {{{0, first_outside, count}}, {{0, first_outside, count}}};
}

IdMap IdMap::single(uid_t uid, gid_t gid) {
  return {{{0, uid, 1}}, {{0, gid, 1}}};
}

bool IdMap::maps_uid(std::uint32_t inside) const {
  return maps(uids, inside);
}
bool IdMap::maps_gid(std::uint32_t inside) const {
  return maps(gids, inside);
}

std::string id_map_text(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& r : ranges)
    text += std::to_string(r.inside) + ' ' + std::to_string(r.outside) + ' ' +
            std::to_string(r.count) + '\n';
  return text;
}

} // namespace layerbox
