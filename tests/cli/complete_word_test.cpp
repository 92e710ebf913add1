// What may stand at the end of a command line, from the declarations of the verbs.
#include "cli/complete_word.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layerbox {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> offered(const std::vector<std::string>& line) {
  std::vector<std::string> list;
  for (const Candidate& candidate : complete_word(line).words)
    list.push_back(candidate.word);
  return list;
}

std::vector<NameKind> wanted(const std::vector<std::string>& line) {
  std::vector<NameKind> kinds;
  for (const WantedNames& names : complete_word(line).names)
    kinds.push_back(names.kind);
  return kinds;
}

TEST(CompleteWord, OffersCommandsFirst) {
  EXPECT_THAT(offered({"im"}), ElementsAre("images"));
  EXPECT_THAT(offered({""}), AllOf(Contains("run"), Contains("volume"), Not(Contains("__man"))));
  EXPECT_THAT(offered({"--root", "/x", "im"}), ElementsAre("images"));
  EXPECT_EQ(complete_word({"--root", "/x", "im"}).root, "/x");
  EXPECT_THAT(offered({"volume", "i"}), ElementsAre("inspect"));
  EXPECT_THAT(offered({"help", "im"}), ElementsAre("images"));
  EXPECT_THAT(offered({"no-such", ""}), IsEmpty());
}

TEST(CompleteWord, OffersOptionsWhereTheyMayStand) {
  EXPECT_THAT(offered({"images", "--fo"}), ElementsAre("--format"));
  EXPECT_THAT(offered({"images", "--he"}), ElementsAre("--help"));
  EXPECT_THAT(offered({"run", "demo", "--"}), IsEmpty()) << "the command's words are its own";
  EXPECT_THAT(offered({"rm", "--", "-"}), IsEmpty());
}

TEST(CompleteWord, OffersTheChoicesOfAnOption) {
  EXPECT_THAT(offered({"images", "--format", ""}), ElementsAre("table", "json"));
  EXPECT_THAT(offered({"images", "--format=j"}), ElementsAre("--format=json"));
}

TEST(CompleteWord, KnowsWhichNamesAnOperandIs) {
  EXPECT_THAT(wanted({"rmi", ""}), ElementsAre(NameKind::image));
  EXPECT_THAT(wanted({"rm", "-f", ""}), ElementsAre(NameKind::container));
  EXPECT_THAT(wanted({"inspect", ""}), ElementsAre(NameKind::image, NameKind::container));
  EXPECT_THAT(wanted({"commit", "build", ""}), ElementsAre(NameKind::image));
  EXPECT_THAT(wanted({"volume", "rm", ""}), ElementsAre(NameKind::volume));
  EXPECT_THAT(wanted({"volume", "create", ""}), IsEmpty());
  EXPECT_THAT(wanted({"network", "inspect", ""}), ElementsAre(NameKind::network));
}

TEST(CompleteWord, KnowsWhatIsAnOptionsValueAndWhatIsNot) {
  EXPECT_THAT(wanted({"run", "-it", ""}), ElementsAre(NameKind::image));
  EXPECT_THAT(wanted({"run", "-ite", ""}), IsEmpty());
  EXPECT_THAT(wanted({"run", "-eA=1", ""}), ElementsAre(NameKind::image));
  EXPECT_THAT(wanted({"run", "--env", "A=1", ""}), ElementsAre(NameKind::image));
  EXPECT_THAT(wanted({"run", "--ephemeral", ""}), ElementsAre(NameKind::image));
  EXPECT_THAT(wanted({"run", "--ephemeral=", ""}), ElementsAre(NameKind::image));
  EXPECT_THAT(wanted({"run", "demo", ""}), IsEmpty());
  EXPECT_THAT(wanted({"run", "--network", ""}),
              ElementsAre(NameKind::network, NameKind::container));
  EXPECT_EQ(complete_word({"run", "--pid=c"}).names.at(0).before, "--pid=container:");
}

TEST(CompleteWord, KnowsKeysOfFiltersAndTheirValues) {
  EXPECT_THAT(offered({"volume", "ls", "--filter", ""}),
              ElementsAre("name=", "label=", "dangling="));
  EXPECT_THAT(offered({"ps", "-f", "st"}), ElementsAre("status="));
  EXPECT_THAT(offered({"ps", "-f", "status=r"}),
              ElementsAre("status=running", "status=restarting"));
  EXPECT_THAT(offered({"ps", "--filter=status=p"}), ElementsAre("--filter=status=paused"));
  EXPECT_THAT(offered({"ps", "-f", "name=x"}), IsEmpty());
  EXPECT_THAT(wanted({"ps", "-f", "volume="}), ElementsAre(NameKind::volume));
  EXPECT_THAT(wanted({"ps", "-f", "before="}), ElementsAre(NameKind::container));
  EXPECT_EQ(complete_word({"ps", "--filter=network="}).names.at(0).before, "--filter=network=");
  EXPECT_THAT(wanted({"ps", "-f", "vol"}), IsEmpty());
}

TEST(CompleteWord, KnowsWherePathsMayStand) {
  EXPECT_TRUE(complete_word({"pull-tar", ""}).files);
  EXPECT_TRUE(complete_word({"--root", ""}).files);
  EXPECT_TRUE(complete_word({"save", "demo", "-o", ""}).files);
  EXPECT_FALSE(complete_word({"rmi", ""}).files);
}

} // namespace
} // namespace layerbox
