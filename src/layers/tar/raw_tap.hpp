// raw_tap: stands between the reading thread and libarchive, and keeps every byte that libarchive
// was given until somebody says what it was: part of the tar's story (raw), or the content of a
// file that now lies in the tree (claimed).
//
// Positions are offsets in the tar. Both `pass` and `claim` move forward only. Memory is what lies
// between the last of them and what libarchive has asked for: the headers of one entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "layers/tar/block_pipe.hpp"

namespace layerbox {

class RawTap {
 public:
  explicit RawTap(BlockPipe& pipe) : pipe_(pipe) {}
  RawTap(const RawTap&) = delete;
  RawTap& operator=(const RawTap&) = delete;

  // The next block for libarchive, empty at the end. Valid until the next call after it was passed
  // or claimed. Throws what the source threw.
  std::span<const std::byte> pull();
  std::uint64_t pulled() const { return pulled_; }
  std::uint64_t settled() const { return settled_; } // all before this was passed or claimed

  // The bytes [from, to) as one piece; valid until the next call. Requires settled() <= from and
  // to <= pulled().
  std::span<const std::byte> view(std::uint64_t from, std::uint64_t to);
  // Hands the bytes up to `to` to `take`, in pieces.
  void pass(std::uint64_t to, const std::function<void(std::span<const std::byte>)>& take);
  // Forgets the bytes up to `to`.
  void claim(std::uint64_t to);

 private:
  void release();

  BlockPipe& pipe_;
  std::deque<Block> blocks_; // the last one is still libarchive's
  std::uint64_t first_ = 0;  // position of blocks_.front()
  std::uint64_t pulled_ = 0;
  std::uint64_t settled_ = 0;
  std::vector<std::byte> joined_; // for a view across blocks
};

} // namespace layerbox
