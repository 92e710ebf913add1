#include "cli/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/error_report.hpp"
#include "cli/split_arguments.hpp"
#include "cli/words.hpp"

namespace layerbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Words = std::vector<std::string>;

std::optional<OptionShape> shape(std::string_view name) {
  if (name == "-i" || name == "-t" || name == "--rm") return OptionShape::flag;
  if (name == "-e" || name == "--env") return OptionShape::value;
  if (name == "--ephemeral") return OptionShape::optional_value;
  return std::nullopt;
}

SplitArguments split(const Words& words, OptionPlace place = OptionPlace::before_operands) {
  return split_arguments(words, place, shape);
}

TEST(SplitArguments, LeavesEverythingAfterTheFirstOperandAlone) {
  const SplitArguments args = split({"-it", "debian", "ls", "-l", "--rm", "--", "-e"});
  EXPECT_THAT(args.options, ElementsAre(OptionUse{"-i", "true"}, OptionUse{"-t", "true"}));
  EXPECT_THAT(args.operands, ElementsAre("debian", "ls", "-l", "--rm", "--", "-e"));
}

TEST(SplitArguments, ReadsEverySpellingOfAValue) {
  const SplitArguments args =
      split({"-eA=1", "-e=A=2", "-e", "A=3", "--env=A=4", "--env", "A=5", "-ite", "A=6"});
  Words values;
  for (const OptionUse& use : args.options)
    if (use.name != "-i" && use.name != "-t") values.push_back(use.value);
  EXPECT_THAT(values, ElementsAre("A=1", "A=2", "A=3", "A=4", "A=5", "A=6"));
}

TEST(SplitArguments, KeepsEmptyAndDashedValues) {
  const SplitArguments args = split({"--env=", "--env", "", "-e", "-x", "-e", "--"});
  EXPECT_THAT(args.options, ElementsAre(OptionUse{"--env", ""}, OptionUse{"--env", ""},
                                        OptionUse{"-e", "-x"}, OptionUse{"-e", "--"}));
}

TEST(SplitArguments, TakesNoOtherWordForAValueThatMayBeLeftOut) {
  const SplitArguments args = split({"--ephemeral", "--ephemeral=1m", "--ephemeral", "64m", "-e"});
  EXPECT_THAT(args.options,
              ElementsAre(OptionUse{"--ephemeral", ""}, OptionUse{"--ephemeral", "1m"},
                          OptionUse{"--ephemeral", ""}));
  EXPECT_THAT(args.operands, ElementsAre("64m", "-e"));
}

TEST(SplitArguments, ReadsTruthValuesOfFlags) {
  EXPECT_THAT(split({"--rm=false", "-t=1"}).options,
              ElementsAre(OptionUse{"--rm", "false"}, OptionUse{"-t", "true"}));
  EXPECT_THROW(split({"--rm=perhaps"}), UsageError);
}

TEST(SplitArguments, TakesOptionsAnywhereWhenTold) {
  const SplitArguments args = split({"a", "--rm", "b", "--", "--rm"}, OptionPlace::anywhere);
  EXPECT_THAT(args.options, ElementsAre(OptionUse{"--rm", "true"}));
  EXPECT_THAT(args.operands, ElementsAre("a", "b", "--rm"));
}

TEST(SplitArguments, TakesADashAloneAsAnOperand) {
  EXPECT_THAT(split({"-"}).operands, ElementsAre("-"));
  EXPECT_THAT(split({""}).operands, ElementsAre(""));
}

TEST(SplitArguments, RefusesUnknownOptionsAndMissingValues) {
  std::string unknown;
  EXPECT_THROW(split_arguments(Words{"--nope=1"}, OptionPlace::anywhere, shape, &unknown),
               UsageError);
  EXPECT_EQ(unknown, "--nope");
  EXPECT_THROW(split({"-ix"}), UsageError);
  EXPECT_THROW(split({"--env"}), UsageError);
}

// One of everything.
struct Everything {
  bool flag = false;
  std::string text = "default";
  std::optional<std::string> maybe;
  Words list;
  std::uint64_t number = 7;
  std::uint64_t size = 7;
  std::string first;
  Words rest;
  CommandLine line{"verb", "does things"};

  Everything() {
    line.flag("-f,--flag", flag, "a flag");
    line.text("--text", text, "T", "a text").choices({"default", "one", "two"});
    line.text("--maybe", maybe, "M", "a text or nothing").excludes("--flag");
    line.list("-l,--list", list, "L", "a list");
    line.number("--number", number, "N", "a number");
    line.size("--size", size, "S", "a size");
    line.operand("FIRST", first, "the first");
    line.operands("REST", rest, Arity::any_number, "the rest");
    line.example("verb x", "an example");
  }
  std::string refusal(const Words& words) {
    try {
      line.parse(words);
    } catch (const UsageError& error) {
      return std::string(error.what()) + " | " + error.hint();
    }
    return "";
  }
};

TEST(CommandLine, SetsVariables) {
  Everything all;
  EXPECT_EQ(all.line.parse({"-f", "a", "--text=one", "-lx", "--list", "y", "b", "--size", "2k",
                            "--number=3", "--", "-c"}),
            Parsed::done);
  EXPECT_TRUE(all.flag);
  EXPECT_EQ(all.text, "one");
  EXPECT_EQ(all.maybe, std::nullopt);
  EXPECT_THAT(all.list, ElementsAre("x", "y"));
  EXPECT_EQ(all.number, 3U);
  EXPECT_EQ(all.size, 2048U);
  EXPECT_EQ(all.first, "a");
  EXPECT_THAT(all.rest, ElementsAre("b", "-c"));
}

TEST(CommandLine, LeavesAbsentVariablesAlone) {
  Everything all;
  all.line.parse({"a"});
  EXPECT_EQ(all.text, "default");
  EXPECT_EQ(all.number, 7U);
  EXPECT_THAT(all.rest, IsEmpty());
}

// Words that shells and configuration files give a meaning.
TEST(CommandLine, TakesBracesBracketsAndEmptyWordsAsTheyStand) {
  Everything all;
  all.line.parse({"{}", "[a,b]", "", "{}", "--list=[x,y]", "--list={}", "--list=", "--maybe={}"});
  EXPECT_EQ(all.first, "{}");
  EXPECT_THAT(all.rest, ElementsAre("[a,b]", "", "{}"));
  EXPECT_THAT(all.list, ElementsAre("[x,y]", "{}", ""));
  EXPECT_EQ(all.maybe, "{}");
}

TEST(CommandLine, LetsTheLastUseWin) {
  Everything all;
  all.line.parse({"--text=one", "--text=two", "-f", "--flag=false", "a"});
  EXPECT_EQ(all.text, "two");
  EXPECT_FALSE(all.flag);
}

TEST(CommandLine, WantsHelpWhateverElseIsWrong) {
  Everything all;
  EXPECT_EQ(all.line.parse({"--help"}), Parsed::help_wanted);
  EXPECT_EQ(all.line.parse({"--text=bad", "-h"}), Parsed::help_wanted);
}

TEST(CommandLine, RefusesWhatDoesNotFit) {
  EXPECT_THAT(Everything().refusal({}), HasSubstr("verb: an operand is missing | usage: layerbox "
                                                  "verb"));
  EXPECT_THAT(Everything().refusal({"a", "--lst=x"}),
              HasSubstr("verb: there is no option '--lst' | did you mean '--list'?"));
  EXPECT_THAT(Everything().refusal({"a", "--text=three"}),
              HasSubstr("'three' is not one of default, one, two"));
  EXPECT_THAT(Everything().refusal({"a", "--number=x"}), HasSubstr("'x' is not a number"));
  EXPECT_THAT(Everything().refusal({"a", "--size=5q"}), HasSubstr("'5q' is not a size"));
  EXPECT_THAT(Everything().refusal({"a", "-l"}), HasSubstr("verb: option '-l' needs a value"));
  EXPECT_THAT(Everything().refusal({"a", "-f", "--maybe=x"}),
              HasSubstr("verb: --maybe excludes --flag | see 'layerbox verb --help'"));
  EXPECT_EQ(Everything().refusal({"a", "-f=false", "--maybe=x"}), "");
}

TEST(CommandLine, RefusesTooManyOperands) {
  std::string only;
  CommandLine line("verb", "does things");
  line.operand("ONLY", only, "the only one");
  EXPECT_THROW(line.parse({"a", "b"}), UsageError);
}

TEST(CommandLine, DescribesItself) {
  const CommandDescription about = Everything().line.describe();
  EXPECT_EQ(about.synopsis(), "layerbox verb [OPTION]… FIRST [REST…]");
  ASSERT_EQ(about.options.size(), 6U);
  EXPECT_THAT(about.options[0].names, ElementsAre("-f", "--flag"));
  EXPECT_EQ(about.options[0].placeholder, "");
  EXPECT_EQ(about.options[1].placeholder, "T");
  EXPECT_TRUE(about.options[3].repeatable);
}

TEST(CommandWords, SplitsLikeAShell) {
  EXPECT_THAT(command_words("sh -c 'echo  \"hi\"' a\\ b \"c\\\"d\" ''"),
              ElementsAre("sh", "-c", "echo  \"hi\"", "a b", "c\"d", ""));
  EXPECT_THAT(command_words("  "), IsEmpty());
}

TEST(CommandWords, TakesAJsonArray) {
  EXPECT_THAT(command_words("[\"/bin/sh\", \"-c\", \"echo 'hi\"]"),
              ElementsAre("/bin/sh", "-c", "echo 'hi"));
  EXPECT_THAT(command_words("[]"), IsEmpty());
}

TEST(CommandWords, RefusesWhatHasNoEnd) {
  EXPECT_THROW(command_words("echo 'x"), UsageError);
  EXPECT_THROW(command_words("[\"x\""), UsageError);
  EXPECT_THROW(command_words("[1]"), UsageError);
}

} // namespace
} // namespace layerbox
