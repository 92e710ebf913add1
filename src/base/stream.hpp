// stream: bytes that flow. A Source is read until it ends, a Sink is written to; every reader and
// writer of layerbox is one of them, so that any can stand behind any other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace layerbox {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;
  // Fills a front part of `buffer` and returns its size in bytes; 0 only at the end (or for an
  // empty buffer). Throws Error.
  virtual std::size_t read(std::span<std::byte> buffer) = 0;
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  // Takes all of `data` or throws Error.
  virtual void write(std::span<const std::byte> data) = 0;
};

// Reads a descriptor from its current offset (pipes and sockets too). `name` is for messages.
class FdSource : public Source {
 public:
  FdSource(FdRef fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  FdRef fd_;
  std::string name_;
};

// Reads [offset, offset + size) of a seekable descriptor with pread(2): several may share one fd.
// Throws Error(corrupt) when the file ends before.
class FileRangeSource : public Source {
 public:
  FileRangeSource(FdRef fd, std::uint64_t offset, std::uint64_t size_bytes, std::string name)
      : fd_(fd), offset_(offset), left_(size_bytes), name_(std::move(name)) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  FdRef fd_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::string name_;
};

// Reads bytes that the caller keeps alive.
class MemorySource : public Source {
 public:
  explicit MemorySource(std::span<const std::byte> data) : data_(data) {}
  explicit MemorySource(std::string_view data) : data_(std::as_bytes(std::span(data))) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  std::span<const std::byte> data_;
};

// Writes a descriptor at its current offset, all of it, through short writes and EINTR.
class FdSink : public Sink {
 public:
  FdSink(FdRef fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  void write(std::span<const std::byte> data) override;

 private:
  FdRef fd_;
  std::string name_;
};

class StringSink : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    text_.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Writes all of `data` to `fd`. `name` is for messages. Throws Error.
void write_all(FdRef fd, std::span<const std::byte> data, std::string_view name);
// Reads the whole of `source`. Throws Error(limit_exceeded) past `max_bytes`.
std::string read_all(Source& source, std::size_t max_bytes, std::string_view name);
// Copies until the end; returns the number of bytes.
std::uint64_t copy_all(Source& from, Sink& to);

} // namespace layerbox
