#include "layers/oci/early_writeback.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

TEST(EarlyWriteback, EndsWhateverWasUnpacked) {
  const UniqueFd dir = open_path(testing::TempDir(), kOpenDir);
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, std::uint64_t{1}, EarlyWriteback::kStepBytes}) {
    EarlyWriteback early(dir);
    for (int i = 0; i < 20; ++i)
      early.unpacked(bytes);
    EXPECT_NO_THROW(early.finish());
    EarlyWriteback abandoned(dir);
    abandoned.unpacked(bytes);
  }
}

TEST(EarlyWriteback, TellsAtTheEndWhatFailedOnTheWay) {
  const UniqueFd no_directory = open_path("/dev/null", O_RDONLY);
  EarlyWriteback early(no_directory);
  early.unpacked(EarlyWriteback::kStepBytes - 1);
  early.unpacked(1);
  EXPECT_THROW(early.finish(), Error);
}

} // namespace
} // namespace layerbox
