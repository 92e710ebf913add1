#include "cli/id_map_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

Identity root_user() {
  Identity identity;
  identity.privilege = Privilege::root;
  return identity;
}

// Two ranges of /etc/subuid: ids 1 to 1000 and 1001 to 1500 of his.
Identity ordinary() {
  Identity identity;
  identity.privilege = Privilege::subordinate;
  identity.uid = 700;
  identity.gid = 800;
  identity.store_map = {{{0, 700, 1}, {1, 100000, 1000}, {1001, 300000, 500}},
                        {{0, 800, 1}, {1, 100000, 1000}, {1001, 300000, 500}}};
  return identity;
}

Identity alone() {
  Identity identity;
  identity.uid = 700;
  identity.gid = 800;
  identity.store_map = IdMap::single(700, 800);
  return identity;
}

std::vector<IdRange> uids(const Identity& who, Texts texts) {
  return parse_id_maps({std::move(texts), {}}, who).uids;
}

template <typename Failure> std::string refusal(const Identity& who, Texts texts) {
  try {
    (void)uids(who, std::move(texts));
  } catch (const Failure& error) {
    return error.what();
  }
  return "";
}

TEST(IdMapFlags, MapIdsOfTheHostForRoot) {
  EXPECT_THAT(uids(root_user(), {"0:100000:65536", "70000:5:1"}),
              ElementsAre(IdRange{0, 100000, 65536}, IdRange{70000, 5, 1}));
  EXPECT_THAT(uids(root_user(), {"0:@7"}), ElementsAre(IdRange{0, 7, 1}));
}

TEST(IdMapFlags, OneOfBothStandsForBoth) {
  const IdMap users = parse_id_maps({{"0:5:10"}, {}}, root_user());
  EXPECT_EQ(users.uids, users.gids);
  const IdMap groups = parse_id_maps({{}, {"0:6:10"}}, root_user());
  EXPECT_THAT(groups.uids, ElementsAre(IdRange{0, 6, 10}));
  EXPECT_NE(parse_id_maps({{"0:5:10"}, {"0:6:10"}}, root_user()).uids, groups.uids);
}

TEST(IdMapFlags, NumberTheIdsOfAnOrdinaryUser) {
  EXPECT_THAT(uids(ordinary(), {"0:1:900", "2000:0"}),
              ElementsAre(IdRange{0, 100000, 900}, IdRange{2000, 700, 1}));
  EXPECT_THAT(uids(ordinary(), {"5:0:3"}), ElementsAre(IdRange{5, 700, 1}, IdRange{6, 100000, 2}));
  EXPECT_THAT(uids(ordinary(), {"2000:0", "0:999:4"}),
              ElementsAre(IdRange{2000, 700, 1}, IdRange{0, 100998, 2}, IdRange{2, 300000, 2}));
  EXPECT_THAT(parse_id_maps({{"0:@300007:4", "2000:@700"}, {"0:0"}}, ordinary()).uids,
              ElementsAre(IdRange{0, 300007, 4}, IdRange{2000, 700, 1}));
}

TEST(IdMapFlags, RefuseIdsThatAreNotTheUsers) {
  for (const char* text : {"0:1501", "0:1400:200", "0:@0:1", "0:@100999:2", "0:@99999"})
    EXPECT_THAT(refusal<Error>(ordinary(), {text}), HasSubstr("not this user's")) << text;
  EXPECT_THAT(refusal<Error>(alone(), {"0:1"}), HasSubstr("not this user's"));
  EXPECT_THAT(uids(alone(), {"9:0"}), ElementsAre(IdRange{9, 700, 1}));
}

TEST(IdMapFlags, DoNotLeaveOutTheUserHimself) {
  EXPECT_THAT(refusal<Error>(ordinary(), {"0:1:900"}), HasSubstr("HOST 0, has no id"));
  EXPECT_THAT(refusal<Error>(root_user(), {"1:100000:9"}), HasSubstr("has no id 0"));
}

TEST(IdMapFlags, RefuseWhatIsNoMap) {
  for (const char* text : {"", "0", "0:", "0:1:", "0:1:2:3", "a:1:2", "0:-1:2", "0:1:0", "0: 1:2",
                           "4294967295:0:1", "4294967294:0:2", "0:4294967295", "4294967296:0:1"})
    EXPECT_THROW((void)uids(root_user(), {text}), UsageError) << text;
}

TEST(IdMapFlags, RefuseRangesThatOverlap) {
  EXPECT_THAT(refusal<UsageError>(root_user(), {"0:100:10", "9:200:1"}),
              HasSubstr("of the container"));
  EXPECT_THAT(refusal<UsageError>(root_user(), {"0:100:10", "50:109:1"}), HasSubstr("of the host"));
  EXPECT_THAT(refusal<UsageError>(ordinary(), {"0:0:10", "50:9:1"}), HasSubstr("of the host"));
}

TEST(IdMapFlags, HoldTheKernelsLimit) {
  Texts texts;
  for (std::size_t i = 0; i <= kMaxIdRanges; ++i)
    texts.push_back(std::to_string(2 * i) + ":" + std::to_string(2 * i));
  EXPECT_THAT(refusal<UsageError>(root_user(), texts), HasSubstr("more than 340"));
  texts.pop_back();
  EXPECT_EQ(uids(root_user(), texts).size(), kMaxIdRanges);
}

TEST(KeepId, ExchangesRootAndTheUser) {
  const IdMap map = keep_id_map(ordinary());
  EXPECT_THAT(map.uids,
              ElementsAre(IdRange{700, 700, 1}, IdRange{0, 100699, 1}, IdRange{1, 100000, 699},
                          IdRange{701, 100700, 300}, IdRange{1001, 300000, 500}));
  EXPECT_EQ(map.gids.front(), (IdRange{800, 800, 1}));
}

TEST(KeepId, TakesTheLastIdForRootWhereTheUsersIsBeyondTheMap) {
  Identity identity = ordinary();
  identity.uid = 54321;
  identity.store_map.uids = {{0, 54321, 1}, {1, 100000, 10}};
  EXPECT_THAT(keep_id_map(identity).uids,
              ElementsAre(IdRange{54321, 54321, 1}, IdRange{0, 100009, 1}, IdRange{1, 100000, 9}));
}

TEST(KeepId, IsAllThatAUserWithOneIdHas) {
  EXPECT_THAT(keep_id_map(alone()).uids, ElementsAre(IdRange{700, 700, 1}));
}

} // namespace
} // namespace layerbox
