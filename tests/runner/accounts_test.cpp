// The container's /etc/passwd and /etc/group as the child reads them: hostile files included.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "base/temp.hpp"
#include "runner/child_user.hpp"

namespace layerbox::child {
namespace {

class Accounts : public ::testing::Test {
 protected:
  void SetUp() override {
    write("passwd", "root:x:0:0:root:/root:/bin/sh\n"
                    "daemon:x:1:1::/usr/sbin:/nologin\n"
                    "web:x:33:44:Web:/home/web:/bin/sh\n"
                    "1000:x:7:8::/seven:/bin/sh\n"
                    "nohome:x:50:51:::/bin/sh\n");
    write("group", "root:x:0:\nadm:x:4:web,root\nweb:x:44:\nlog:x:70:other,web\nlogs:x:71:webs\n");
  }
  void write(const std::string& name, const std::string& content) {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << content;
  }
  std::string path(const std::string& name) const { return temp_.path() + "/" + name; }
  int look_up(const std::string& user) {
    account_ = Account();
    return look_up_account(temp_.dir().get(), "passwd", "group", user.c_str(), account_);
  }
  std::vector<std::uint32_t> groups() const {
    return {account_.groups, account_.groups + account_.group_count};
  }
  TempDir temp_;
  Account account_;
};

using Ids = std::vector<std::uint32_t>;

TEST_F(Accounts, EmptyIsRootWithRootsHomeAndGroups) {
  EXPECT_EQ(look_up(""), 0);
  EXPECT_EQ(account_.uid, 0U);
  EXPECT_EQ(account_.gid, 0U);
  EXPECT_STREQ(account_.home, "/root");
  EXPECT_EQ(groups(), Ids({4}));
}

TEST_F(Accounts, ANameGivesIdsHomeAndSupplementaryGroups) {
  EXPECT_EQ(look_up("web"), 0);
  EXPECT_EQ(account_.uid, 33U);
  EXPECT_EQ(account_.gid, 44U);
  EXPECT_STREQ(account_.home, "/home/web");
  EXPECT_EQ(groups(), Ids({4, 70}));
}

TEST_F(Accounts, ANumberFindsItsEntry) {
  EXPECT_EQ(look_up("33"), 0);
  EXPECT_EQ(account_.gid, 44U);
  EXPECT_EQ(groups(), Ids({4, 70}));
}

TEST_F(Accounts, ANumberThatIsANameIsTheName) {
  EXPECT_EQ(look_up("1000"), 0);
  EXPECT_EQ(account_.uid, 7U);
  EXPECT_EQ(account_.gid, 8U);
}

TEST_F(Accounts, ANumberWithoutEntryHasGroupZeroAndTheTopAsHome) {
  EXPECT_EQ(look_up("4242"), 0);
  EXPECT_EQ(account_.uid, 4242U);
  EXPECT_EQ(account_.gid, 0U);
  EXPECT_STREQ(account_.home, "/");
  EXPECT_TRUE(groups().empty());
}

TEST_F(Accounts, AGivenGroupTakesThePlaceOfAllOthers) {
  EXPECT_EQ(look_up("web:log"), 0);
  EXPECT_EQ(account_.uid, 33U);
  EXPECT_EQ(account_.gid, 70U);
  EXPECT_TRUE(groups().empty());
  EXPECT_EQ(look_up("5:6"), 0);
  EXPECT_EQ(account_.uid, 5U);
  EXPECT_EQ(account_.gid, 6U);
}

TEST_F(Accounts, AnEmptyHomeIsTheTop) {
  EXPECT_EQ(look_up("nohome"), 0);
  EXPECT_STREQ(account_.home, "/");
}

TEST_F(Accounts, UnknownNamesAreRefusedByName) {
  EXPECT_EQ(look_up("nobody"), -ENOENT);
  EXPECT_EQ(account_.detail, ChildDetail::user_unknown);
  EXPECT_STREQ(account_.about, "nobody");
  EXPECT_EQ(look_up("web:staff"), -ENOENT);
  EXPECT_EQ(account_.detail, ChildDetail::group_unknown);
  EXPECT_STREQ(account_.about, "staff");
}

TEST_F(Accounts, IdsThatAreNoIdsAreNames) {
  for (const char* text :
       {"4294967295", "4294967296", "99999999999999999999", "-1", "0x10", "+5"}) {
    EXPECT_EQ(look_up(text), -ENOENT) << text;
    EXPECT_EQ(account_.detail, ChildDetail::user_unknown) << text;
  }
}

TEST_F(Accounts, LinesThatMakeNoSenseArePassedOver) {
  write("passwd", "\n:::\nweb\nweb:x\nweb:x:abc:1:::\nweb:x:4294967295:1:::\nweb:x:-1:1:::\n"
                  "web:x:9:10::/nine:/bin/sh");
  EXPECT_EQ(look_up("web"), 0);
  EXPECT_EQ(account_.uid, 9U);
  EXPECT_STREQ(account_.home, "/nine");
}

TEST_F(Accounts, ALineOfTenMegabytesIsNotRead) {
  write("passwd",
        "web:x:1:1:" + std::string(10U << 20, 'A') + ":/:/bin/sh\nweb:x:2:2::/:/bin/sh\n");
  EXPECT_EQ(look_up("web"), -EFBIG);
  EXPECT_EQ(account_.detail, ChildDetail::accounts_too_large);
  EXPECT_EQ(look_up("7"), 0); // a number needs no entry
}

TEST_F(Accounts, ALineThatIsTooLongIsPassedOverAndTheNextOneRead) {
  for (const std::size_t length : {kMaxAccountLineBytes - 20, kMaxAccountLineBytes,
                                   kMaxAccountLineBytes + 1, 3 * kMaxAccountLineBytes}) {
    write("passwd", "web:x:1:1:" + std::string(length, 'A') + "\nweb:x:2:3::/two:/bin/sh\n");
    EXPECT_EQ(look_up("web"), 0) << length;
    EXPECT_EQ(account_.uid, 2U) << length;
  }
}

TEST_F(Accounts, TheLastLongestLineThatFitsIsRead) {
  const std::string head = "web:x:5:6:";
  const std::string tail = ":/h:/bin/sh";
  const std::size_t room = kMaxAccountLineBytes - 1 - head.size() - tail.size();
  write("passwd", head + std::string(room, 'c') + tail + "\n");
  EXPECT_EQ(look_up("web"), 0);
  EXPECT_EQ(account_.uid, 5U);
}

TEST_F(Accounts, AnEntryBeyondTheFirstMebibyteIsNotFound) {
  std::string text;
  while (text.size() < kMaxAccountFileBytes)
    text += "filler:x:9:9::/:/bin/sh\n";
  write("passwd", text + "web:x:2:2::/:/bin/sh\n");
  EXPECT_EQ(look_up("web"), -EFBIG);
}

TEST_F(Accounts, SupplementaryGroupsStopAtTheirLimit) {
  std::string text;
  for (std::size_t i = 0; i < 2 * kMaxSupplementaryGroups; ++i)
    text += "g" + std::to_string(i) + ":x:" + std::to_string(1000 + i) + ":web\n";
  write("group", text);
  EXPECT_EQ(look_up("web"), 0);
  EXPECT_EQ(account_.group_count, kMaxSupplementaryGroups);
  EXPECT_EQ(account_.groups[63], 1063U);
}

TEST_F(Accounts, AHomeThatIsTooLongIsTheTop) {
  write("passwd", "web:x:1:1::/" + std::string(kMaxHomeBytes, 'h') + ":/bin/sh\n");
  EXPECT_EQ(look_up("web"), 0);
  EXPECT_STREQ(account_.home, "/");
}

TEST_F(Accounts, AFifoIsNotWaitedFor) {
  ASSERT_EQ(::unlink(path("passwd").c_str()), 0);
  ASSERT_EQ(::mkfifo(path("passwd").c_str(), 0644), 0);
  EXPECT_EQ(look_up("web"), -EINVAL);
  EXPECT_EQ(account_.detail, ChildDetail::accounts_unreadable);
  EXPECT_EQ(look_up("0"), 0);
}

TEST_F(Accounts, ASymlinkIsNotFollowed) {
  write("elsewhere", "web:x:1:1::/:/bin/sh\n");
  ASSERT_EQ(::unlink(path("passwd").c_str()), 0);
  ASSERT_EQ(::symlink("elsewhere", path("passwd").c_str()), 0);
  EXPECT_EQ(look_up("web"), -EINVAL);
  EXPECT_EQ(account_.detail, ChildDetail::accounts_unreadable);
}

TEST_F(Accounts, ADirectoryIsNoList) {
  ASSERT_EQ(::unlink(path("group").c_str()), 0);
  ASSERT_EQ(::mkdir(path("group").c_str(), 0755), 0);
  EXPECT_EQ(look_up("web:log"), -EINVAL);
  EXPECT_EQ(account_.detail, ChildDetail::accounts_unreadable);
  EXPECT_EQ(look_up("web"), 0); // without its supplementary groups
  EXPECT_TRUE(groups().empty());
}

TEST_F(Accounts, MissingFilesLeaveTheNumbers) {
  ASSERT_EQ(::unlink(path("passwd").c_str()), 0);
  ASSERT_EQ(::unlink(path("group").c_str()), 0);
  EXPECT_EQ(look_up(""), 0);
  EXPECT_STREQ(account_.home, "/");
  EXPECT_EQ(look_up("12:13"), 0);
  EXPECT_EQ(account_.gid, 13U);
  EXPECT_EQ(look_up("web"), -ENOENT);
}

TEST_F(Accounts, AUserTextThatIsTooLongIsUnknown) {
  EXPECT_EQ(look_up(std::string(5000, 'u')), -ENOENT);
  EXPECT_EQ(account_.detail, ChildDetail::user_unknown);
}

} // namespace
} // namespace layerbox::child
