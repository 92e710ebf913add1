// The log of names: when it is written anew.
#include <gtest/gtest.h>

#include "store/name_log.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

class NameLogTest : public StoreTest {
 protected:
  Store store_ = open();
  NameLog log_{at("names")};
  ImageNames names_{{"only:1", digest_of("only")}};
  std::size_t asked_ = 0;

  std::size_t size() const { return std::filesystem::file_size(at("names")); }
  // So many lines with one sync.
  void change(std::size_t lines = 500) {
    log_.add(std::vector<NameChange>(lines, {"only:1", digest_of("only")}), [this] {
      ++asked_;
      return names_;
    });
  }
};

TEST_F(NameLogTest, IsWrittenAnewWhenMostOfALongOneDoesNotCount) {
  change(1); // there was none
  ASSERT_EQ(asked_, 1U);
  const std::size_t line = size();
  std::size_t before = 0;
  while (asked_ == 1 && size() < 2 * NameLog::kLongBytes) {
    before = size();
    change();
  }
  EXPECT_EQ(asked_, 2U);
  EXPECT_EQ(size(), line);
  EXPECT_GE(before + 500 * line, NameLog::kLongBytes);
  EXPECT_EQ(log_.read(), names_);
}

TEST_F(NameLogTest, AsksWhoHasWhichNameOnceInALongWhile) {
  for (int i = 0; i < 6'000; ++i)
    names_.emplace("name-" + std::to_string(i) + ":1", digest_of("image"));
  log_.replace(names_);
  ASSERT_GT(size(), NameLog::kLongBytes);
  const std::size_t before = size();
  while (size() < before + NameLog::kLongBytes)
    change();
  EXPECT_EQ(asked_, 1U);
  EXPECT_EQ(log_.read(), names_);
}

} // namespace
} // namespace layerbox::test
