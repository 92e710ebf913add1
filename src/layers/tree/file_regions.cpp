#include "layers/tree/file_regions.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kRegionBytes = std::uint64_t{256} << 10;

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

void add_block(std::vector<Extent>& found, std::uint64_t offset, std::span<const std::byte> block) {
  if (is_zero(block)) return;
  if (!found.empty() && found.back().offset + found.back().length == offset)
    found.back().length += block.size();
  else
    found.push_back({offset, block.size()});
}

} // namespace

FileRegions::FileRegions(UniqueFd fd, const RelPath& path, const struct stat& status)
    : fd_(std::move(fd)), path_(path), size_(static_cast<std::uint64_t>(status.st_size)),
      dense_(status.st_blocks * 512 >= status.st_size),
      buffer_(static_cast<std::size_t>(std::min(kRegionBytes, size_))) {}

FileContent::Region FileRegions::next() {
  if (at_ == region_end_ && !find_region()) return {};
  const std::size_t got = read(at_, region_end_);
  const Region region{std::span(buffer_).first(got), at_};
  at_ += got;
  return region;
}

// Fills the buffer from `at`, with less only where `end` is.
std::size_t FileRegions::read(std::uint64_t at, std::uint64_t end) {
  const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), end - at));
  std::size_t done = 0;
  while (done < want) {
    const ssize_t got =
        ::pread(fd_.get(), buffer_.data() + done, want - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read '" + printable(path_.str()) + "'");
    if (got == 0)
      throw Error(ErrorKind::corrupt, "'" + printable(path_.str()) + "' shrank while it was read");
    done += static_cast<std::size_t>(got);
  }
  return done;
}

bool FileRegions::find_region() {
  if (extents_) {
    if (next_extent_ == extents_->size()) return false;
    const Extent& extent = (*extents_)[next_extent_++];
    at_ = extent.offset;
    region_end_ = extent.offset + extent.length;
    return true;
  }
  return find_data(at_, region_end_);
}

// The next region from `begin` on that the file system keeps as data.
bool FileRegions::find_data(std::uint64_t& begin, std::uint64_t& end) {
  if (begin >= size_) return false;
  if (!dense_) {
    const off_t data = ::lseek(fd_.get(), static_cast<off_t>(begin), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return false; // a hole to the end
    const off_t hole = data < 0 ? -1 : ::lseek(fd_.get(), data, SEEK_HOLE);
    if (hole >= 0) {
      begin = static_cast<std::uint64_t>(data);
      end = std::min(static_cast<std::uint64_t>(hole), size_); // it may have grown
      return begin < size_;
    }
    dense_ = true; // a file system that knows no holes
  }
  end = size_;
  return true;
}

std::optional<std::vector<Extent>> FileRegions::extents() {
  if (size_ < kMinHoleBytes) return std::nullopt;
  const off_t hole = ::lseek(fd_.get(), 0, SEEK_HOLE);
  if (hole < 0 || static_cast<std::uint64_t>(hole) >= size_) return std::nullopt;
  dense_ = false; // whatever st_blocks says of preallocated ones
  std::vector<Extent> found = find_extents();
  std::uint64_t data_bytes = 0;
  for (const Extent& extent : found)
    data_bytes += extent.length;
  if (size_ - data_bytes < kMinHoleBytes) return std::nullopt;
  extents_ = found;
  return found;
}

// Every block that is not all zeros, wherever the file system has data.
std::vector<Extent> FileRegions::find_extents() {
  std::vector<Extent> found;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  while (find_data(begin, end)) {
    begin -= begin % kHoleBlockBytes;
    end = std::min(size_, (end + kHoleBlockBytes - 1) / kHoleBlockBytes * kHoleBlockBytes);
    while (begin < end) {
      const auto block = std::span<const std::byte>(buffer_).first(read(begin, end));
      for (std::size_t at = 0; at < block.size(); at += kHoleBlockBytes)
        add_block(found, begin + at,
                  block.subspan(at, std::min(kHoleBlockBytes, block.size() - at)));
      begin += block.size();
    }
  }
  return found;
}

} // namespace layerbox
