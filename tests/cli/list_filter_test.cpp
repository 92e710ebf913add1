// --filter: what is asked, and what is refused.
#include "cli/list_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

class Filtered : public testing::Test {
 protected:
  ListFilter& ask(const std::vector<std::string>& texts) {
    CommandLine line("things ls", "");
    filter_.declare(line);
    std::vector<std::string> words;
    for (const std::string& text : texts)
      words.insert(words.end(), {"--filter", text});
    line.parse(words);
    filter_.read();
    return filter_;
  }
  ListFilter filter_{"things ls", {"name", "label", {"colour", {"red", "blue"}}}};
};

TEST_F(Filtered, MeansEverythingWhenNothingIsAsked) {
  EXPECT_TRUE(ask({}).name("web"));
  EXPECT_TRUE(filter_.label({}));
  EXPECT_TRUE(filter_.any("colour", [](const std::string&) { return false; }));
}

TEST_F(Filtered, TakesOneOfTheValuesOfAKey) {
  ask({"colour=red", "colour=blue"});
  EXPECT_TRUE(filter_.any("colour", [](const std::string& word) { return word == "blue"; }));
  EXPECT_FALSE(filter_.any("colour", [](const std::string& word) { return word == "green"; }));
}

TEST_F(Filtered, FindsAPartOfAName) {
  ask({"name=we", "name=^db$"});
  EXPECT_TRUE(filter_.name("web-1"));
  EXPECT_TRUE(filter_.name("db"));
  EXPECT_FALSE(filter_.name("db-1"));
}

TEST_F(Filtered, WantsAllLabels) {
  ask({"label=tier", "label=env=prod=x"});
  EXPECT_TRUE(filter_.label({{"tier", "1"}, {"env", "prod=x"}}));
  EXPECT_FALSE(filter_.label({{"tier", "1"}, {"env", "prod"}}));
  EXPECT_FALSE(filter_.label({{"env", "prod=x"}}));
}

TEST_F(Filtered, RefusesAnotherKeyAndSaysWhichThereAre) {
  try {
    ask({"lable=a"});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("name, label, colour"));
    EXPECT_THAT(error.hint(), testing::HasSubstr("'label'"));
  }
}

TEST_F(Filtered, RefusesWhatIsNoValue) {
  EXPECT_THROW(ask({"label"}), UsageError);
  EXPECT_THROW(ask({"label="}), UsageError);
  EXPECT_THROW(ask({""}), UsageError);
  EXPECT_THROW(ask({"name=("}), UsageError);
  EXPECT_TRUE(ask({"colour=red"}).has("colour"));
  EXPECT_THROW(ask({"colour=green"}), UsageError);
}

} // namespace
} // namespace layerbox
