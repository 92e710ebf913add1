// Which tree bytes come from, and which are wasted.
#include "layers/view/account_trees.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/layers/tree/planted_tree.hpp"

namespace layerbox {
namespace {

using test::PlantedTree;
using testing::ElementsAre;
using testing::IsEmpty;

struct Shares {
  std::uint64_t upper, upper_wasted, lower, lower_wasted;
  friend bool operator==(const Shares&, const Shares&) = default;
};

class AccountOfTwo : public testing::Test {
 protected:
  Account count(std::size_t depth = 2, std::size_t most_files = 10) {
    upper_.writer().finish();
    lower_.writer().finish();
    const std::vector<FdRef> trees{upper_.fd(), lower_.fd()};
    return account_trees(trees, {depth, most_files});
  }
  static Shares shares(const std::vector<TreeShare>& of) {
    return {of[0].bytes, of[0].wasted_bytes, of[1].bytes, of[1].wasted_bytes};
  }
  static std::vector<std::string> wasted(const Account& account) {
    std::vector<std::string> lines;
    for (const WastedFile& file : account.wasted)
      lines.push_back((file.kind == WasteKind::replaced ? "replaced " : "removed ") + file.path);
    return lines;
  }
  PlantedTree upper_, lower_;
};

TEST_F(AccountOfTwo, SaysWhereBytesComeFrom) {
  upper_.dir("a").file("a/x", "12345");
  lower_.dir("a").file("a/y", "123").dir("a/b").dir("a/b/c").file("a/b/c/z", "1");
  const Account account = count();
  EXPECT_EQ(shares(account.trees), (Shares{5, 0, 4, 0}));
  EXPECT_EQ(shares(account.folders.at("a")), (Shares{5, 0, 4, 0}));
  EXPECT_EQ(shares(account.folders.at("a/b")), (Shares{0, 0, 1, 0}));
  EXPECT_FALSE(account.folders.contains("a/b/c")) << "deeper than asked for";
  EXPECT_THAT(account.wasted, IsEmpty());
}

TEST_F(AccountOfTwo, AFileIsWastedWhenAnotherIsInItsPlace) {
  upper_.file("x", "12345").dir("y").file("z", "1");
  lower_.file("x", "123").file("y", "1234").dir("z").file("z/below", "12");
  const Account account = count();
  EXPECT_EQ(shares(account.trees), (Shares{6, 0, 9, 9}));
  EXPECT_THAT(wasted(account), ElementsAre("replaced y", "replaced x", "replaced z/below"));
}

TEST_F(AccountOfTwo, AFileIsWastedWhenAWhiteoutOrAnOpaqueDirectoryHidesIt) {
  upper_.dir("opaque").file("opaque/new", "1");
  upper_.writer().opaque(RelPath::parse("opaque"));
  upper_.writer().whiteout(RelPath::parse("gone"));
  upper_.writer().whiteout(RelPath::parse("folder"));
  lower_.dir("opaque").file("opaque/old", "12").file("gone", "123");
  lower_.dir("folder").file("folder/deep", "1234").file("kept", "12345");
  const Account account = count();
  EXPECT_EQ(shares(account.trees), (Shares{1, 0, 14, 9}));
  EXPECT_THAT(wasted(account),
              ElementsAre("removed folder/deep", "removed gone", "removed opaque/old"));
  EXPECT_EQ(account.wasted.front().hidden_by, 0U);
}

TEST_F(AccountOfTwo, AnOpaqueTopHidesAllOfTheLowerTree) {
  upper_.file("x", "1");
  upper_.writer().opaque(RelPath());
  lower_.file("y", "12");
  EXPECT_EQ(shares(count().trees), (Shares{1, 0, 2, 2}));
}

TEST_F(AccountOfTwo, AFileOfSeveralNamesCountsOnceAndIsNeededWhileOneIsSeen) {
  upper_.writer().whiteout(RelPath::parse("a"));
  upper_.writer().whiteout(RelPath::parse("both"));
  lower_.file("a", "123").file("both", "12345");
  lower_.writer().hardlink(RelPath::parse("b"), test::metadata(0644), RelPath::parse("a"));
  const Account account = count();
  EXPECT_EQ(shares(account.trees), (Shares{0, 0, 8, 5}));
  EXPECT_EQ(account.trees[1].files, 2U);
  EXPECT_THAT(wasted(account), ElementsAre("removed both"));
}

TEST_F(AccountOfTwo, NamesNoMoreFilesThanAskedFor) {
  upper_.writer().whiteout(RelPath::parse("d"));
  lower_.dir("d");
  for (int i = 0; i < 9; ++i)
    lower_.file("d/" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'));
  const Account account = count(0, 3);
  EXPECT_THAT(wasted(account), ElementsAre("removed d/8", "removed d/7", "removed d/6"));
  EXPECT_EQ(account.folders.size(), 1U);
}

} // namespace
} // namespace layerbox
