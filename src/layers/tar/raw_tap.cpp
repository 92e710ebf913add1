#include "layers/tar/raw_tap.hpp"

#include <algorithm>

namespace layerbox {

std::span<const std::byte> RawTap::pull() {
  Block block = pipe_.next();
  if (block.size == 0) return {};
  pulled_ += block.size;
  blocks_.push_back(std::move(block));
  release();
  return blocks_.back().bytes();
}

std::span<const std::byte> RawTap::view(std::uint64_t from, std::uint64_t to) {
  std::uint64_t start = first_;
  joined_.clear();
  for (const Block& block : blocks_) {
    const std::uint64_t end = start + block.size;
    if (from >= start && to <= end)
      return block.bytes().subspan(static_cast<std::size_t>(from - start),
                                   static_cast<std::size_t>(to - from));
    const std::uint64_t a = std::max(from, start);
    const std::uint64_t b = std::min(to, end);
    if (a < b) {
      const auto part = block.bytes().subspan(static_cast<std::size_t>(a - start),
                                              static_cast<std::size_t>(b - a));
      joined_.insert(joined_.end(), part.begin(), part.end());
    }
    start = end;
  }
  return joined_;
}

void RawTap::pass(std::uint64_t to, const std::function<void(std::span<const std::byte>)>& take) {
  std::uint64_t start = first_;
  for (const Block& block : blocks_) {
    const std::uint64_t end = start + block.size;
    const std::uint64_t a = std::max(settled_, start);
    const std::uint64_t b = std::min(to, end);
    if (a < b)
      take(block.bytes().subspan(static_cast<std::size_t>(a - start),
                                 static_cast<std::size_t>(b - a)));
    start = end;
  }
  settled_ = std::max(settled_, to);
  release();
}

void RawTap::claim(std::uint64_t to) {
  settled_ = std::max(settled_, to);
  release();
}

void RawTap::release() {
  while (blocks_.size() > 1 && first_ + blocks_.front().size <= settled_) {
    first_ += blocks_.front().size;
    pipe_.give_back(std::move(blocks_.front()));
    blocks_.pop_front();
  }
}

} // namespace layerbox
