// checked_source: streams that know what went through them. What has an expected digest is checked
// by reading it to its last byte; a reader that stops before calls drain().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/digest.hpp"
#include "base/stream.hpp"

namespace layerbox {

// Hashes and counts what is read from `input`.
class HashingSource : public Source {
 public:
  explicit HashingSource(std::unique_ptr<Source> input) : input_(std::move(input)) {}
  std::size_t read(std::span<std::byte> buffer) override;

  std::uint64_t size_bytes() const { return size_bytes_; } // so far
  bool ended() const { return ended_; }
  // Of all bytes. Requires ended().
  Digest digest() const { return digest_; }

 private:
  std::unique_ptr<Source> input_;
  Sha256 hash_;
  std::uint64_t size_bytes_ = 0;
  bool ended_ = false;
  Digest digest_;
};

// Gives the bytes of `input`; the read that meets the end throws Error(corrupt) when they are not
// the blob of that digest and size. A blob that is too long is refused at the first byte too many.
class VerifyingSource : public Source {
 public:
  VerifyingSource(std::unique_ptr<Source> input, const Digest& digest, std::uint64_t size_bytes)
      : input_(std::move(input)), digest_(digest), size_bytes_(size_bytes) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  HashingSource input_;
  Digest digest_;
  std::uint64_t size_bytes_;
};

// Tells `listener` how many bytes were read so far, after each read.
class CountingSource : public Source {
 public:
  CountingSource(std::unique_ptr<Source> input, std::function<void(std::uint64_t)> listener)
      : input_(std::move(input)), listener_(std::move(listener)) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  std::unique_ptr<Source> input_;
  std::function<void(std::uint64_t)> listener_;
  std::uint64_t size_bytes_ = 0;
};

// Reads `source` to its end; returns the number of bytes. Throws what reading throws.
std::uint64_t drain(Source& source);

} // namespace layerbox
