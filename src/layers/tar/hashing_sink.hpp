// hashing_sink: knows the digest and the size of what went through it.
#pragma once

#include <cstdint>

#include "base/digest.hpp"
#include "base/stream.hpp"

namespace layerbox {

class HashingSink : public Sink {
 public:
  explicit HashingSink(Sink& out) : out_(out) {}
  void write(std::span<const std::byte> data) override {
    hash_.update(data);
    size_bytes_ += data.size();
    out_.write(data);
  }
  std::uint64_t size_bytes() const { return size_bytes_; }
  // To be asked once, after the last byte.
  Digest finish() { return hash_.finish(); }

 private:
  Sink& out_;
  Sha256 hash_;
  std::uint64_t size_bytes_ = 0;
};

} // namespace layerbox
