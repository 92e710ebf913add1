// copy_file: the data of one regular file into another, as cheaply as the file system allows.
//
// In this order: share the blocks (FICLONE: btrfs, xfs); let the kernel copy (copy_file_range);
// read and write. Holes stay holes (SEEK_DATA, SEEK_HOLE). What the file system refused once is
// not asked again of the same FileCopier.
//
// Source: ioctl_ficlone(2), copy_file_range(2), lseek(2).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/progress.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// Whether somebody may be at work in what is copied: what a file loses meanwhile is not copied, and
// what goes away was not there.
enum class Activity : std::uint8_t { none, live };

// What all who copy one tree share: how far they are, and whether they are to stop. Threads: any.
struct CopyCourse {
  std::atomic<std::uint64_t> done_bytes{0};
  std::atomic<bool> stopped{false};
};

// Threads: one at a time; several may share the course. `progress` is told after each part of a
// file, unless it is null.
class FileCopier {
 public:
  FileCopier(Activity activity, CopyCourse& course, Progress* progress)
      : activity_(activity), course_(course), progress_(progress) {}
  // Copies all `size_bytes` of `from` into the empty file `to`, which has that size after.
  // `sparse` says that it is worth looking for holes. Throws Error, interrupted when the course is
  // stopped.
  void copy(FdRef from, FdRef to, off_t size_bytes, bool sparse);

 private:
  bool try_clone(FdRef from, FdRef to);
  void copy_range(FdRef from, FdRef to, off_t begin, off_t end);
  bool try_kernel_copy(FdRef from, FdRef to, off_t& begin, off_t end);
  void count(off_t bytes);

  Activity activity_;
  CopyCourse& course_;
  Progress* progress_;
  bool clone_works_ = true;
  bool kernel_copy_works_ = true;
  std::vector<std::byte> buffer_; // made when it is first needed
};

} // namespace layerbox
