// What `run` decides from its smaller flags: capabilities, provided files, names, id ranges.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "cli/capability_flags.hpp"
#include "cli/error_report.hpp"
#include "cli/id_ranges.hpp"
#include "cli/new_container.hpp"
#include "cli/provided_files.hpp"

namespace layerbox {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAreArray;

const std::vector<std::string> kSome{"CAP_CHOWN", "CAP_KILL"};

TEST(Capabilities, AreTheDefaultsWithoutFlags) {
  EXPECT_EQ(merge_capabilities(kSome, {}, {}), kSome);
}

TEST(Capabilities, AreNamedInAnyWay) {
  EXPECT_THAT(merge_capabilities(kSome, {"sys_ptrace", "CAP_NET_ADMIN"}, {"Kill"}),
              ElementsAre("CAP_CHOWN", "CAP_NET_ADMIN", "CAP_SYS_PTRACE"));
}

TEST(Capabilities, DropAllKeepsWhatIsAdded) {
  EXPECT_THAT(merge_capabilities(kSome, {}, {"ALL"}), IsEmpty());
  EXPECT_THAT(merge_capabilities(kSome, {"CHOWN"}, {"all"}), ElementsAre("CAP_CHOWN"));
}

TEST(Capabilities, AddAllLosesWhatIsDropped) {
  const auto all = merge_capabilities(kSome, {"ALL"}, {"SYS_ADMIN"});
  EXPECT_EQ(all.size(), all_capabilities().size() - 1);
  EXPECT_THAT(all, Not(Contains("CAP_SYS_ADMIN")));
}

TEST(Capabilities, RefuseUnknownNamesWithTheNearest) {
  try {
    merge_capabilities(kSome, {"SYS_ADMINN"}, {});
    FAIL() << "an unknown capability was taken";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("CAP_SYS_ADMIN"));
  }
}

TEST(Capabilities, AllHoldsTheRunnersDefaults) {
  for (const std::string& name : default_capabilities())
    EXPECT_THAT(all_capabilities(), Contains(name));
}

const std::string& content(const std::vector<RunSpec::ProvidedFile>& files, const char* name) {
  for (const RunSpec::ProvidedFile& file : files)
    if (file.destination == name) return file.content;
  throw std::out_of_range(name);
}

TEST(ProvidedFiles, NameTheContainer) {
  const auto files = provided_files("box", NetworkMode::none, {}, "");
  EXPECT_EQ(content(files, "/etc/hostname"), "box\n");
  EXPECT_THAT(content(files, "/etc/hosts"), HasSubstr("127.0.0.1\tlocalhost\n"));
  EXPECT_THAT(content(files, "/etc/hosts"), HasSubstr("\tbox\n"));
}

TEST(ProvidedFiles, AddHosts) {
  const auto files =
      provided_files("box", NetworkMode::none, {{"db:10.0.0.1", "v6:::1", "b=[fe80::1]"}, {}}, "");
  EXPECT_THAT(content(files, "/etc/hosts"), HasSubstr("10.0.0.1\tdb\n::1\tv6\nfe80::1\tb\n"));
}

TEST(ProvidedFiles, HaveNoServersWithoutANetwork) {
  const std::string host = "nameserver 192.0.2.1\nsearch example.org\n";
  const auto none = provided_files("box", NetworkMode::none, {}, host);
  EXPECT_THAT(content(none, "/etc/resolv.conf"), Not(HasSubstr("nameserver")));
  const auto given = provided_files("box", NetworkMode::none, {{}, {"192.0.2.9"}}, host);
  EXPECT_EQ(content(given, "/etc/resolv.conf"), "nameserver 192.0.2.9\n");
}

TEST(ProvidedFiles, HaveTheHostsServersOnItsNetwork) {
  const std::string host = "nameserver 192.0.2.1\nsearch example.org\n";
  EXPECT_EQ(content(provided_files("box", NetworkMode::host, {}, host), "/etc/resolv.conf"), host);
  EXPECT_EQ(
      content(provided_files("box", NetworkMode::host, {{}, {"::1"}}, host), "/etc/resolv.conf"),
      "search example.org\nnameserver ::1\n");
}

TEST(ProvidedFiles, RefuseWhatIsNoAddress) {
  for (const char* host : {"db", "db:", "db:10.0.0", ":10.0.0.1", "a b:10.0.0.1", "d\nb:10.0.0.1"})
    EXPECT_THROW(provided_files("box", NetworkMode::none, {{host}, {}}, ""), UsageError) << host;
  EXPECT_THROW(provided_files("box", NetworkMode::none, {{}, {"one.one"}}, ""), UsageError);
}

TEST(ContainerName, IsCheckedAtTheDoor) {
  for (const char* name : {"a", "web-1", "A.b_c", "9"})
    EXPECT_NO_THROW(check_container_name(name));
  for (const char* name : {"", ".a", "-a", "_a", "a/b", "a b", "ä"})
    EXPECT_THROW(check_container_name(name), UsageError) << name;
  EXPECT_NO_THROW(check_container_name(std::string(128, 'a')));
  EXPECT_THROW(check_container_name(std::string(129, 'a')), UsageError);
}

class IdRanges : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "layerbox-ranges-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
    dir_.reset(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  std::filesystem::path path_;
  UniqueFd dir_;
};

TEST_F(IdRanges, AreNeverSharedByTwoContainers) {
  const IdRangeLease first = take_id_range(dir_, 7);
  const IdRangeLease second = take_id_range(dir_, 7);
  EXPECT_EQ(first.map, IdMap::shifted(kFirstRangeId + 7 * kIdsInRange, kIdsInRange));
  EXPECT_EQ(second.map, IdMap::shifted(kFirstRangeId + 8 * kIdsInRange, kIdsInRange));
}

TEST_F(IdRanges, AreFreeAgainWhenTheContainerEnds) {
  { const IdRangeLease ended = take_id_range(dir_, 3); }
  EXPECT_EQ(take_id_range(dir_, 3).map.uids.front().outside, kFirstRangeId + 3 * kIdsInRange);
}

TEST_F(IdRanges, AreFreeWhenTheLastOneInTheUserNamespaceEnds) {
  std::optional<IdRangeLease> first = take_id_range(dir_, 3);
  std::optional<IdRangeLease> guest = share_ranges_of(dir_, first->map);
  first.reset();
  EXPECT_NE(take_id_range(dir_, 3).map, guest->map);
  EXPECT_THROW(take_ranges_of(dir_, guest->map), Error);
  const IdMap map = guest->map;
  guest.reset();
  EXPECT_EQ(take_id_range(dir_, 3).map, map);
}

TEST_F(IdRanges, AreTakenByMapsThatAreWrittenOut) {
  const IdMap end = {{{0, kFirstRangeId + kIdsInRange - 1, 2}}, {{0, 5, 1}}}; // of 0, and of 1
  const IdRangeLease written = take_ranges_of(dir_, end);
  EXPECT_EQ(written.locks.size(), 2U);
  EXPECT_EQ(take_id_range(dir_, 0).map.uids.front().outside, kFirstRangeId + 2 * kIdsInRange);
  EXPECT_TRUE(take_ranges_of(dir_, IdMap::shifted(100000, 65536)).locks.empty());
  EXPECT_THROW(take_ranges_of(dir_, IdMap::shifted(0, 0xffffffff)), Error) << "too many";
}

TEST_F(IdRanges, WrapAroundAndStayBelowTheSignedLimit) {
  const IdRangeLease last = take_id_range(dir_, kIdRanges - 1);
  const std::uint64_t end = std::uint64_t{last.map.uids.front().outside} + kIdsInRange;
  EXPECT_LE(end, std::uint64_t{1} << 31);
  EXPECT_EQ(take_id_range(dir_, kIdRanges - 1).map.uids.front().outside, kFirstRangeId);
}

TEST_F(IdRanges, SayWhenAllAreTaken) {
  std::vector<IdRangeLease> taken;
  try {
    for (std::uint32_t i = 0; i <= kIdRanges; ++i)
      taken.push_back(take_id_range(dir_, i));
    FAIL() << "more ranges than there are";
  } catch (const Error& error) {
    EXPECT_EQ(taken.size(), kIdRanges);
    EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
  }
}

} // namespace
} // namespace layerbox
