#include "base/id_map.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace layerbox {
namespace {

TEST(IdMap, WritesTheTextOfUidMap) {
  EXPECT_EQ(id_map_text({}), "");
  EXPECT_EQ(id_map_text({{0, 1000, 1}, {1, 100000, 65535}}), "0 1000 1\n1 100000 65535\n");
  EXPECT_EQ(id_map_text({{0, 0, UINT32_MAX}}), "0 0 4294967295\n");
}

TEST(IdMap, ShiftedMapsBothKindsFromZero) {
  const IdMap map = IdMap::shifted(100000, 65536);
  EXPECT_EQ(map.uids, (std::vector<IdRange>{{0, 100000, 65536}}));
  EXPECT_EQ(map.gids, map.uids);
}

TEST(IdMap, SingleMapsZeroOnly) {
  const IdMap map = IdMap::single(1000, 100);
  EXPECT_TRUE(map.maps_uid(0));
  EXPECT_TRUE(map.maps_gid(0));
  EXPECT_FALSE(map.maps_uid(1));
  EXPECT_FALSE(map.maps_gid(1000));
  EXPECT_EQ(map.uids[0].outside, 1000u);
  EXPECT_EQ(map.gids[0].outside, 100u);
}

TEST(IdMap, KnowsTheFirstAndTheLastIdOfEachRange) {
  const IdMap map{{{0, 1000, 1}, {10, 5000, 5}}, {{7, 7, 1}}};
  for (const std::uint32_t id : {0u, 10u, 14u})
    EXPECT_TRUE(map.maps_uid(id)) << id;
  for (const std::uint32_t id : {1u, 9u, 15u, UINT32_MAX})
    EXPECT_FALSE(map.maps_uid(id)) << id;
  EXPECT_TRUE(map.maps_gid(7));
  EXPECT_FALSE(map.maps_gid(0));
}

TEST(IdMap, RangesUpToTheLastIdDoNotWrapAround) {
  const IdMap all = IdMap::shifted(0, UINT32_MAX);
  EXPECT_TRUE(all.maps_uid(UINT32_MAX - 1));
  EXPECT_FALSE(all.maps_uid(UINT32_MAX)) << "(uid_t)-1 is nobody's";
  const IdMap high{{{UINT32_MAX - 1, 0, 10}}, {}};
  EXPECT_TRUE(high.maps_uid(UINT32_MAX));
  EXPECT_FALSE(high.maps_uid(0));
}

} // namespace
} // namespace layerbox
