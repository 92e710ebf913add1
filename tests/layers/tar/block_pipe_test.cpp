// BlockPipe: the same blocks, read ahead by a thread or when they are asked for.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.hpp"
#include "layers/tar/block_pipe.hpp"

namespace layerbox {
namespace {

// Gives `total` bytes, a few at a time, then fails or ends.
class Trickle : public Source {
 public:
  enum class End : std::uint8_t { proper, failure };
  Trickle(std::size_t total, End end) : left_(total), end_(end) {}
  std::size_t read(std::span<std::byte> buffer) override {
    if (left_ == 0 && end_ == End::failure) throw Error(ErrorKind::corrupt, "it broke");
    const std::size_t size = std::min({buffer.size(), left_, std::size_t{70'001}});
    for (std::size_t i = 0; i < size; ++i)
      buffer[i] = static_cast<std::byte>(at_++ * 31 >> 3);
    left_ -= size;
    return size;
  }

 private:
  std::size_t left_;
  std::size_t at_ = 0;
  End end_;
};

std::vector<std::size_t> sizes_of(BlockPipe& pipe, std::vector<std::byte>& all) {
  std::vector<std::size_t> sizes;
  for (Block block = pipe.next(); block.size > 0; block = pipe.next()) {
    sizes.push_back(block.size);
    const auto bytes = block.bytes();
    all.insert(all.end(), bytes.begin(), bytes.end());
    pipe.give_back(std::move(block));
  }
  EXPECT_EQ(pipe.next().size, 0U) << "the end stays the end";
  return sizes;
}

TEST(BlockPipe, GivesTheSameBlocksWithoutAThread) {
  for (const std::size_t total :
       {std::size_t{0}, std::size_t{1}, BlockPipe::kBlockBytes, 3 * BlockPipe::kBlockBytes + 5}) {
    Trickle one(total, Trickle::End::proper);
    Trickle other(total, Trickle::End::proper);
    BlockPipe ahead(one);
    BlockPipe asked(other, BlockPipe::Reading::when_asked);
    std::vector<std::byte> ahead_bytes;
    std::vector<std::byte> asked_bytes;
    EXPECT_EQ(sizes_of(ahead, ahead_bytes), sizes_of(asked, asked_bytes));
    EXPECT_EQ(ahead_bytes.size(), total);
    EXPECT_TRUE(ahead_bytes == asked_bytes);
  }
}

TEST(BlockPipe, ThrowsWhatTheSourceThrewAlsoWithoutAThread) {
  for (const auto reading :
       {BlockPipe::Reading::ahead_and_hashed, BlockPipe::Reading::when_asked}) {
    Trickle source(BlockPipe::kBlockBytes + 1, Trickle::End::failure);
    BlockPipe pipe(source, reading);
    EXPECT_EQ(pipe.next().size, BlockPipe::kBlockBytes);
    EXPECT_THROW(pipe.next(), Error);
  }
}

} // namespace
} // namespace layerbox
