#include "base/stream.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

// Standard input and output may be non-blocking: another holder of a shared pipe made them so.
void wait_until_ready(FdRef fd, short events) {
  pollfd wanted{fd.get(), events, 0};
  if (::poll(&wanted, 1, -1) < 0 && errno != EINTR) throw_errno(errno, "wait for an open file");
}

} // namespace

std::size_t FdSource::read(std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN)
      wait_until_ready(fd_, POLLIN);
    else if (errno != EINTR)
      throw_errno(errno, "read '" + printable(name_) + "'");
  }
}

std::size_t FileRangeSource::read(std::span<std::byte> buffer) {
  const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_));
  if (want == 0) return 0;
  for (;;) {
    const ssize_t got = ::pread(fd_.get(), buffer.data(), want, static_cast<off_t>(offset_));
    if (got > 0) {
      offset_ += static_cast<std::uint64_t>(got);
      left_ -= static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
    if (got == 0)
      throw Error(ErrorKind::corrupt, "read '" + printable(name_) + "': the file ends " +
                                          std::to_string(left_) + " bytes too early");
    if (errno != EINTR) throw_errno(errno, "read '" + printable(name_) + "'");
  }
}

std::size_t MemorySource::read(std::span<std::byte> buffer) {
  const std::size_t size = std::min(buffer.size(), data_.size());
  if (size > 0) std::memcpy(buffer.data(), data_.data(), size); // an empty span may be null
  data_ = data_.subspan(size);
  return size;
}

void FdSink::write(std::span<const std::byte> data) {
  write_all(fd_, data, name_);
}

void write_all(FdRef fd, std::span<const std::byte> data, std::string_view name) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd.get(), data.data(), data.size());
    if (put < 0) {
      if (errno == EAGAIN)
        wait_until_ready(fd, POLLOUT);
      else if (errno != EINTR)
        throw_errno(errno, "write '" + printable(name) + "'");
      continue;
    }
    data = data.subspan(static_cast<std::size_t>(put));
  }
}

std::string read_all(Source& source, std::size_t max_bytes, std::string_view name) {
  std::string text;
  // Most are small, and each page that is touched costs a start: large steps only for large things.
  std::size_t step = 2048;
  for (;; step = std::min(2 * step, std::size_t{64} << 10)) {
    const std::size_t old = text.size();
    text.resize(old + step);
    const std::size_t got = source.read(std::as_writable_bytes(std::span(text.data() + old, step)));
    text.resize(old + got);
    if (got == 0) return text;
    if (text.size() > max_bytes)
      throw Error(ErrorKind::limit_exceeded, "read '" + printable(name) +
                                                 "': larger than the limit of " +
                                                 std::to_string(max_bytes) + " bytes");
  }
}

std::uint64_t copy_all(Source& from, Sink& to) {
  std::vector<std::byte> buffer(std::size_t{1} << 18);
  std::uint64_t total = 0;
  while (const std::size_t got = from.read(buffer)) {
    to.write(std::span(buffer).first(got));
    total += got;
  }
  return total;
}

} // namespace layerbox
