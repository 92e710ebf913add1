#include "layers/view/compare_content.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
using Chunk = std::array<std::byte, kChunkBytes>;

class ContentReader {
 public:
  explicit ContentReader(const OpenedFile& file)
      : fd_(file.fd), size_(file.status.st_size),
        sparse_(file.status.st_blocks * 512 < file.status.st_size) {}

  // Where data begin at or after `at`; the size when there are none.
  off_t next_data(off_t at) {
    if (!sparse_) return at;
    const off_t data = ::lseek(fd_.get(), at, SEEK_DATA);
    if (data >= 0) return std::min(data, size_);
    if (errno == ENXIO) return size_;
    sparse_ = false; // a file system that knows no holes
    return at;
  }

  // Fills the front of `chunk` from `at`; less than `bytes` only where the file ends.
  std::size_t read(off_t at, std::size_t bytes, Chunk& chunk) const {
    std::size_t done = 0;
    while (done < bytes) {
      const ssize_t got =
          ::pread(fd_.get(), chunk.data() + done, bytes - done, at + static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno(errno, "read");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  FdRef fd_;
  off_t size_;
  bool sparse_;
};

} // namespace

bool same_content(const OpenedFile& one, const OpenedFile& other) {
  const off_t size = one.status.st_size;
  if (size != other.status.st_size) return false;
  ContentReader a(one);
  ContentReader b(other);
  Chunk from_a;
  Chunk from_b;
  for (off_t at = 0; at < size;) {
    at = std::min(a.next_data(at), b.next_data(at));
    const auto bytes =
        static_cast<std::size_t>(std::min<off_t>(static_cast<off_t>(kChunkBytes), size - at));
    if (bytes == 0) break;
    const std::size_t got = a.read(at, bytes, from_a);
    if (got != b.read(at, bytes, from_b)) return false;
    if (std::memcmp(from_a.data(), from_b.data(), got) != 0) return false;
    if (got < bytes) break; // both ended early
    at += static_cast<off_t>(bytes);
  }
  return true;
}

} // namespace layerbox
