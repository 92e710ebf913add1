// Every verb declares itself well: --help and the manual page show all of it.
#include "cli/verbs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cli/dispatch.hpp"
#include "cli/help_text.hpp"
#include "cli/man_page.hpp"

namespace layerbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EveryVerb : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    const VerbEntry* entry = find_verb(GetParam());
    ASSERT_NE(entry, nullptr);
    verb_ = entry->make();
    line_ = std::make_unique<CommandLine>(std::string(entry->name), std::string(entry->summary));
    declare_all(*line_, *verb_, common_);
    about_ = line_->describe();
  }
  std::unique_ptr<Verb> verb_;
  std::unique_ptr<CommandLine> line_;
  CommonOptions common_;
  CommandDescription about_;
};

TEST_P(EveryVerb, ExplainsEachOptionAndOperand) {
  EXPECT_FALSE(about_.summary.empty());
  for (const OptionDescription& option : about_.options) {
    EXPECT_FALSE(option.names.empty());
    EXPECT_FALSE(option.help.empty()) << option.names.front();
    EXPECT_TRUE(option.names.back().starts_with("--")) << option.names.back();
  }
  for (const OperandDescription& operand : about_.operands)
    EXPECT_FALSE(operand.help.empty());
}

TEST_P(EveryVerb, HasNoNameTwice) {
  std::set<std::string> names{"--help"};
  for (const OptionDescription& option : about_.options)
    for (const std::string& name : option.names)
      EXPECT_TRUE(names.insert(name).second) << name;
}

TEST_P(EveryVerb, HasAllOfItInHelpAndInTheManualPage) {
  const std::string help = verb_help(about_, 100);
  const std::string page = verb_man_page(about_);
  EXPECT_THAT(help, HasSubstr(about_.synopsis()));
  for (const OptionDescription& option : about_.options)
    for (const std::string& name : option.names) {
      EXPECT_THAT(help, HasSubstr(name));
      EXPECT_THAT(page, HasSubstr(roff_escaped(name)));
    }
  for (const Example& example : about_.examples) {
    EXPECT_THAT(help, HasSubstr(example.command));
    EXPECT_THAT(page, HasSubstr(roff_escaped(example.command)));
  }
  EXPECT_THAT(page, HasSubstr(".SH EXIT STATUS"));
}

TEST_P(EveryVerb, HasAnExampleWhenItIsListed) {
  const bool is_listed = !find_verb(GetParam())->group.empty();
  EXPECT_EQ(!about_.examples.empty(), is_listed);
}

TEST_P(EveryVerb, AnswersHelpWithoutItsOperands) {
  EXPECT_EQ(line_->parse({"--help"}), Parsed::help_wanted);
}

std::vector<std::string_view> all_names() {
  std::vector<std::string_view> names;
  for (const VerbEntry& entry : verbs())
    names.push_back(entry.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Verbs, EveryVerb, testing::ValuesIn(all_names()), [](const auto& one) {
  std::string name(one.param);
  std::erase_if(name, [](char c) { return c == '-' || c == '_' || c == ' '; });
  return name;
});

TEST(ProgramHelp, ListsTheVerbsByGroup) {
  const std::string help = program_help(verbs(), 80);
  for (const VerbEntry& entry : verbs())
    EXPECT_EQ(help.find("  " + std::string(entry.name) + " ") != std::string::npos,
              !entry.group.empty());
  EXPECT_EQ(help.find("__"), std::string::npos);
  EXPECT_LT(help.find("Images:"), help.find("Containers:"));
}

TEST(HelpText, WrapsAtTheWidth) {
  EXPECT_EQ(wrap("one two three four", 13, 4), "one two\n    three\n    four");
  EXPECT_EQ(wrap("extraordinarily", 5, 0), "extraordinarily");
}

TEST(ManPage, MeansNothingToRoff) {
  EXPECT_EQ(roff_escaped(".so x\n'y\\z-w"), "\\&.so x\n\\&\\(aqy\\ez\\-w");
}

TEST(FindRequest, MovesLeadingOptionsBehindTheVerb) {
  const Request request = find_request({"--root", "/x", "--quiet", "images", "-q"});
  EXPECT_EQ(request.verb, "images");
  EXPECT_THAT(request.words, ElementsAre("--root", "/x", "--quiet", "-q"));
}

TEST(FindRequest, LeavesTheVerbsWordsAlone) {
  const Request request = find_request({"run", "debian", "--root", "/x"});
  EXPECT_EQ(request.verb, "run");
  EXPECT_THAT(request.words, ElementsAre("debian", "--root", "/x"));
}

TEST(FindRequest, JoinsTheTwoWordsOfAFamily) {
  const Request request = find_request({"--quiet", "volume", "rm", "-f", "cache"});
  EXPECT_EQ(request.verb, "volume rm");
  EXPECT_THAT(request.words, ElementsAre("--quiet", "-f", "cache"));
  EXPECT_EQ(find_request({"volume", "--help"}).verb, "volume");
  EXPECT_EQ(find_request({"volume", "turn"}).verb, "volume turn");
}

TEST(FindRequest, FindsNoVerbWhenThereIsNone) {
  EXPECT_EQ(find_request({"--version"}).verb, "");
  EXPECT_EQ(find_request({}).verb, "");
}

} // namespace
} // namespace layerbox
