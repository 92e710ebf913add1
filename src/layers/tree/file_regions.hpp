// file_regions: the content of a regular file on disk, without its holes (lseek(2), SEEK_DATA).
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

class FileRegions : public FileContent {
 public:
  // Below this much of holes a file is told as one without.
  static constexpr std::uint64_t kMinHoleBytes = std::uint64_t{1} << 20;
  // Holes begin and end at multiples of this, whatever the file system's own blocks are, and
  // whatever part of them it stored as zeros: the same content has the same extents.
  static constexpr std::size_t kHoleBlockBytes = 4096;

  // `fd` is open for reading, `status` is its own; `path` is for messages and outlives *this.
  FileRegions(UniqueFd fd, const RelPath& path, const struct stat& status);

  // Throws Error(corrupt) when the file has become shorter than `status` said.
  Region next() override;
  // Reads the file when it has a hole: that finds blocks of zeros, too.
  std::optional<std::vector<Extent>> extents() override;

 private:
  bool find_region();
  bool find_data(std::uint64_t& begin, std::uint64_t& end);
  std::size_t read(std::uint64_t at, std::uint64_t end);
  std::vector<Extent> find_extents();

  UniqueFd fd_;
  const RelPath& path_;
  std::uint64_t size_;
  bool dense_;
  std::vector<std::byte> buffer_;
  std::optional<std::vector<Extent>> extents_; // when they were asked for and are worth it
  std::size_t next_extent_ = 0;
  std::uint64_t at_ = 0;
  std::uint64_t region_end_ = 0;
};

} // namespace layerbox
