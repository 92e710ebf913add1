#include "base/identity.hpp"

#include <gtest/gtest.h>

#include <linux/capability.h>

#include <initializer_list>

namespace layerbox {
namespace {

using Ranges = std::vector<IdRange>;

const char* const kAllIds = "         0          0 4294967295\n";

std::uint64_t capabilities(std::initializer_list<unsigned> list) {
  std::uint64_t set = 0;
  for (const unsigned capability : list)
    set |= std::uint64_t{1} << capability;
  return set;
}

IdentityFacts root() {
  IdentityFacts facts;
  facts.capabilities = capabilities({CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID});
  facts.uid_map = facts.gid_map = kAllIds;
  return facts;
}

IdentityFacts jo() {
  IdentityFacts facts;
  facts.uid = facts.effective_uid = 1000;
  facts.gid = facts.effective_gid = 100;
  facts.uid_map = facts.gid_map = kAllIds;
  facts.passwd = "root:x:0:0::/root:/bin/sh\njo:x:1000:100::/home/jo:/bin/sh\n";
  facts.subuid = "jo:100000:65536\n";
  facts.subgid = "jo:200000:65536\n";
  facts.has_newuidmap = facts.has_newgidmap = true;
  return facts;
}

TEST(Identity, OfRealRootMapsEveryIdToItself) {
  const Identity who = judge_identity(root());
  EXPECT_EQ(who.privilege, Privilege::root);
  EXPECT_EQ(who.store_map, IdMap::shifted(0, UINT32_MAX));
  EXPECT_EQ(who.reason, "");
}

TEST(Identity, OfAUserWithRangesMapsHimselfToZeroAndTheRangesAfter) {
  const Identity who = judge_identity(jo());
  EXPECT_EQ(who.privilege, Privilege::subordinate);
  EXPECT_EQ(who.uid, 1000u);
  EXPECT_EQ(who.gid, 100u);
  EXPECT_EQ(who.store_map.uids, (Ranges{{0, 1000, 1}, {1, 100000, 65536}}));
  EXPECT_EQ(who.store_map.gids, (Ranges{{0, 100, 1}, {1, 200000, 65536}}));
}

TEST(Identity, TakesARangeByNumberForAUserWithoutAName) {
  IdentityFacts facts = jo();
  facts.passwd = "";
  facts.subuid = "1000:100000:65536\n";
  facts.subgid = "1000:200000:65536\n";
  EXPECT_EQ(judge_identity(facts).privilege, Privilege::subordinate);
}

TEST(Identity, SaysWhatAUserLacks) {
  const struct {
    void (*take)(IdentityFacts&);
    const char* reason;
    const char* way_out;
  } table[] = {
      {[](IdentityFacts& f) { f.subuid = "al:1:1\n"; }, "no range for 'jo' in /etc/subuid",
       "as root: usermod --add-subuids 265536-331071 --add-subgids 265536-331071 jo"},
      {[](IdentityFacts& f) { f.subgid = ""; }, "no range for 'jo' in /etc/subgid",
       "as root: usermod --add-subuids 165536-231071 --add-subgids 165536-231071 jo"},
      {[](IdentityFacts& f) { f.passwd = ""; }, "no range for uid 1000 in /etc/subuid",
       "as root: echo 1000:265536:65536 | tee -a /etc/subuid >> /etc/subgid"},
      {[](IdentityFacts& f) { f.subuid = "al:4294960000:10\n"; },
       "no range for 'jo' in /etc/subuid",
       "give 'jo' 65536 ids in /etc/subuid and in /etc/subgid that nobody else has there"},
      {[](IdentityFacts& f) { f.has_newuidmap = false; }, "newuidmap is not installed",
       "install it: the package is uidmap on Debian and Ubuntu, shadow-utils on Fedora"},
      {[](IdentityFacts& f) { f.has_newgidmap = false; }, "newgidmap is not installed",
       "install it: the package is uidmap on Debian and Ubuntu, shadow-utils on Fedora"},
  };
  for (const auto& row : table) {
    IdentityFacts facts = jo();
    row.take(facts);
    const Identity who = judge_identity(facts);
    EXPECT_EQ(who.privilege, Privilege::single) << row.reason;
    EXPECT_EQ(who.store_map, IdMap::single(1000, 100)) << row.reason;
    EXPECT_EQ(who.reason, row.reason);
    EXPECT_EQ(who.way_out, row.way_out);
  }
}

TEST(Identity, OfANamespacesRootIsSingleWhereLittleIsMapped) {
  IdentityFacts facts = root();
  facts.uid_map = facts.gid_map = "0 1000 1\n";
  const Identity who = judge_identity(facts);
  EXPECT_EQ(who.privilege, Privilege::single);
  EXPECT_EQ(who.store_map, IdMap::single(0, 0));
  EXPECT_EQ(who.reason, "root of a user namespace that maps 1 id");
  facts.uid_map = "0 1000 1\n1 100000 65535\n"; // many users, one group
  EXPECT_EQ(judge_identity(facts).privilege, Privilege::single);
}

TEST(Identity, OfANamespacesRootMapsOnWhatIsMappedThere) {
  IdentityFacts facts = root();
  facts.uid_map = "0 1000 1\n1 100000 65536\n";
  facts.gid_map = "0 100000 65536\n";
  const Identity who = judge_identity(facts);
  EXPECT_EQ(who.privilege, Privilege::subordinate);
  EXPECT_EQ(who.store_map.uids, (Ranges{{0, 0, 1}, {1, 1, 65536}}));
  EXPECT_EQ(who.store_map.gids, (Ranges{{0, 0, 65536}}));
  EXPECT_EQ(who.reason, "root of a user namespace");
}

TEST(Identity, OfANamespacesRootNeedsTheRightToMap) {
  IdentityFacts facts = root();
  facts.uid_map = facts.gid_map = "0 100000 65536\n";
  facts.capabilities = capabilities({CAP_SYS_ADMIN, CAP_SETUID});
  EXPECT_EQ(judge_identity(facts).privilege, Privilege::single);
}

TEST(Identity, OfRootWithoutSysAdminIsNotRoot) {
  IdentityFacts facts = root();
  facts.capabilities = capabilities({CAP_SETUID, CAP_SETGID});
  const Identity able = judge_identity(facts);
  EXPECT_EQ(able.privilege, Privilege::subordinate);
  EXPECT_EQ(able.reason, "root without CAP_SYS_ADMIN");
  facts.capabilities = 0;
  const Identity unable = judge_identity(facts);
  EXPECT_EQ(unable.privilege, Privilege::single);
  EXPECT_EQ(unable.reason, "root without CAP_SYS_ADMIN, without CAP_SETUID and CAP_SETGID");
}

TEST(Identity, ReadsTheCapabilitiesOfThisProcess) {
  const bool is_root = ::geteuid() == 0;
  EXPECT_EQ(has_capability(effective_capabilities(), CAP_SETUID), is_root);
}

} // namespace
} // namespace layerbox
