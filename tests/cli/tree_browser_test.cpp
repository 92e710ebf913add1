// What `tree` shows on a terminal, and what keys make of it.
#include "cli/tree_browser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/output.hpp"

namespace layerbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<KeyPress> keys(std::string_view bytes) {
  return KeyReader().take(bytes);
}

TEST(BrowseKeys, KnowsTheSequencesOfTerminals) {
  EXPECT_THAT(keys("\x1b[A\x1bOB\x1b[5~\x1b[1~q\r\x7f"),
              ElementsAre(KeyPress{Key::up}, KeyPress{Key::down}, KeyPress{Key::page_up},
                          KeyPress{Key::home}, KeyPress{Key::byte, 'q'}, KeyPress{Key::enter},
                          KeyPress{Key::backspace}));
}

TEST(BrowseKeys, TakesASequenceThatComesInParts) {
  KeyReader reader;
  EXPECT_TRUE(reader.take("\x1b").empty());
  EXPECT_TRUE(reader.is_waiting());
  EXPECT_TRUE(reader.take("[").empty());
  EXPECT_THAT(reader.take("C"), ElementsAre(KeyPress{Key::right}));
  EXPECT_FALSE(reader.is_waiting());
}

TEST(BrowseKeys, TellsTheEscapeKeyByWhatDoesNotFollow) {
  KeyReader reader;
  EXPECT_TRUE(reader.take("\x1b").empty());
  EXPECT_THAT(reader.give_up_waiting(), ElementsAre(KeyPress{Key::escape}));
  EXPECT_THAT(keys("\x1bj"), ElementsAre(KeyPress{Key::escape}, KeyPress{Key::byte, 'j'}));
}

TEST(BrowseKeys, PassesOverSequencesThatNobodyKnows) {
  EXPECT_THAT(keys("\x1b[200~q"), ElementsAre(KeyPress{Key::byte, 'q'}));
  // One without an end is not waited for for ever.
  EXPECT_THAT(keys("\x1b[" + std::string(100, '1') + "q").back(), (KeyPress{Key::byte, 'q'}));
  EXPECT_TRUE(keys(std::string("\0\x01\x02", 3)).empty());
}

class Browser : public testing::Test {
 protected:
  // Two layers: "own" has replaced /usr/lib/big and added /new; /usr has two directories.
  static BrowsedTree made() {
    BrowsedTree tree;
    tree.title = "demo";
    tree.tiers = {{"own", "-"}, {"1", "0123456789ab"}};
    tree.account.trees = {{30, 0, 2}, {1170, 1000, 4}};
    tree.account.folders[""] = {{30, 0, 2}, {1170, 1000, 4}};
    tree.account.folders["usr"] = {{10, 0, 1}, {1170, 1000, 4}};
    tree.account.folders["usr/bin"] = {{0, 0, 0}, {170, 0, 3}};
    tree.account.folders["usr/lib"] = {{10, 0, 1}, {1000, 1000, 1}};
    tree.account.folders["usrlocal"] = {{0, 0, 0}, {0, 0, 0}};
    tree.account.files[""] = {{"new", 0, 20, false}};
    tree.account.files["usr/lib"] = {{"big", 0, 10, false}, {"big", 1, 1000, true}};
    tree.account.files["usr/bin"] = {
        {"a", 1, 100, false}, {"\x1b[31mred", 1, 50, false}, {"b", 1, 20, false}};
    tree.account.wasted = {{"usr/lib/big", 1, 0, WasteKind::replaced, 1000}};
    return tree;
  }

  TreeBrowser::Demand type(std::string_view bytes) {
    auto demand = TreeBrowser::Demand::none;
    for (const KeyPress& key : KeyReader().take(bytes))
      demand = browser_.press(key);
    return demand;
  }
  std::string screen() const {
    std::string text;
    for (const TreeBrowser::Line& line : browser_.lines())
      text += line.text + '\n';
    return text;
  }
  std::string selected() const {
    for (const TreeBrowser::Line& line : browser_.lines())
      if (line.look == TreeBrowser::Line::Look::selected) return line.text;
    return "";
  }

  BrowsedTree tree_ = made();
  TreeBrowser browser_{tree_};
};

TEST_F(Browser, BeginsAtTheTopWithTheLargest) {
  EXPECT_THAT(screen(), HasSubstr("demo: /"));
  EXPECT_THAT(selected(), HasSubstr("usr/"));
  EXPECT_THAT(screen(), HasSubstr("usrlocal/"));
  EXPECT_THAT(screen(), HasSubstr("new"));
  EXPECT_THAT(screen(), Not(HasSubstr("lib")));
}

TEST_F(Browser, OpensAndLeavesDirectories) {
  type("\r");
  EXPECT_THAT(screen(), HasSubstr("demo: /usr:"));
  EXPECT_THAT(selected(), HasSubstr("lib/"));
  type("\x1b[C");
  EXPECT_THAT(screen(), HasSubstr("demo: /usr/lib:"));
  type("\r"); // a file cannot be opened
  EXPECT_THAT(screen(), HasSubstr("demo: /usr/lib:"));
  type("\x1b[D");
  EXPECT_THAT(selected(), HasSubstr("lib/"));
  type("hhh");
  EXPECT_THAT(screen(), HasSubstr("demo: /:"));
  EXPECT_THAT(selected(), HasSubstr("usr/"));
}

TEST_F(Browser, MovesWithinTheList) {
  type("kkk");
  EXPECT_THAT(selected(), HasSubstr("usr/"));
  type("j");
  EXPECT_THAT(selected(), HasSubstr("new"));
  type("jjjjjj");
  EXPECT_THAT(selected(), HasSubstr("usrlocal/"));
  type("\x1b[H");
  EXPECT_THAT(selected(), HasSubstr("usr/"));
}

TEST_F(Browser, SortsBySizeAndByName) {
  type("s");
  EXPECT_THAT(selected(), HasSubstr("new"));
  type("s");
  EXPECT_THAT(selected(), HasSubstr("usr/"));
}

TEST_F(Browser, ShowsWhatIsWastedAndGoesThere) {
  type("w");
  EXPECT_THAT(selected(), HasSubstr("/usr/lib/big"));
  EXPECT_THAT(selected(), HasSubstr("under own"));
  type("\r");
  EXPECT_THAT(screen(), HasSubstr("demo: /usr/lib:"));
  EXPECT_THAT(selected(), HasSubstr("big"));
}

TEST_F(Browser, ShowsTheLayers) {
  type("l");
  EXPECT_THAT(screen(), HasSubstr("2 layers"));
  EXPECT_THAT(screen(), HasSubstr("0123456789ab"));
  type("l");
  EXPECT_THAT(screen(), HasSubstr("demo: /:"));
}

TEST_F(Browser, FindsANameInAllOfTheTreeAndTheNext) {
  type("/bi");
  EXPECT_THAT(screen(), HasSubstr("/bi\n"));
  type("\r");
  EXPECT_THAT(screen(), HasSubstr("demo: /usr:"));
  EXPECT_THAT(selected(), HasSubstr("bin/"));
  type("n");
  EXPECT_THAT(selected(), HasSubstr("big"));
  type("n"); // and from the beginning again
  EXPECT_THAT(selected(), HasSubstr("bin/"));
  type("/nothing\r");
  EXPECT_THAT(screen(), HasSubstr("there is no 'nothing'"));
  EXPECT_THAT(selected(), HasSubstr("bin/"));
}

TEST_F(Browser, TakesKeysAsTextWhileASearchIsTyped) {
  EXPECT_EQ(type("/q"), TreeBrowser::Demand::none);
  EXPECT_THAT(screen(), HasSubstr("/q\n"));
  type("\x7f\x7f\x7f");
  EXPECT_THAT(screen(), HasSubstr("\n/\n"));
  EXPECT_EQ(type("\x03"), TreeBrowser::Demand::interrupt);
}

TEST_F(Browser, LeavesInterruptsAndSuspends) {
  EXPECT_EQ(type("q"), TreeBrowser::Demand::leave);
  EXPECT_EQ(type("\x03"), TreeBrowser::Demand::interrupt);
  EXPECT_EQ(type("\x1a"), TreeBrowser::Demand::suspend);
}

TEST_F(Browser, LetsNoNameReachTheTerminalAsItIs) {
  type("\r/red\r");
  EXPECT_THAT(selected(), HasSubstr("red"));
  EXPECT_THAT(screen(), Not(HasSubstr("\x1b")));
  type("/\xc3\xa4\r");
  EXPECT_THAT(screen(), HasSubstr("there is no"));
}

TEST_F(Browser, FitsAnyTerminal) {
  for (const std::size_t rows : {1U, 2U, 3U, 4U, 24U})
    for (const std::size_t columns : {1U, 5U, 20U, 200U}) {
      browser_.resize(rows, columns);
      for (const char* word : {"j", "\r", "w", "l", "l", "/x\r", "h"}) {
        type(word);
        const auto lines = browser_.lines();
        EXPECT_LE(lines.size(), rows);
        for (const TreeBrowser::Line& line : lines)
          EXPECT_LE(width_of(line.text), columns) << line.text;
      }
    }
}

TEST_F(Browser, KeepsTheSelectedRowOnTheScreen) {
  for (int i = 0; i < 500; ++i)
    tree_.account.files["usrlocal"].push_back({"f" + std::to_string(i), 1, 1, false});
  browser_.resize(10, 80);
  type("jj\r");
  for (const char* word : {"\x1b[6~", "\x1b[6~", "j", "\x1b[F", "\x1b[5~", "k"}) {
    type(word);
    EXPECT_NE(selected(), "") << word;
  }
  type("\x1b[F");
  EXPECT_THAT(selected(), HasSubstr("f99"));
}

TEST(EmptyBrowser, HasNothingToGoThrough) {
  BrowsedTree tree;
  tree.title = "empty";
  TreeBrowser browser(tree);
  for (const KeyPress& key : KeyReader().take("jk\rhwls/x\rn\x1b[F\x1b[5~"))
    EXPECT_EQ(browser.press(key), TreeBrowser::Demand::none);
  EXPECT_FALSE(browser.lines().empty());
}

} // namespace
} // namespace layerbox
