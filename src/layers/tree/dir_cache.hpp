// dir_cache: the open directories of a tree that is being written.
//
// Writing into a directory changes its times, and a directory without owner permissions cannot be
// written into by an ordinary user at all. So each open directory remembers what it shall look like
// when nobody writes to it any more, and gets that when it leaves the cache. A directory that is
// opened again later is asked for its times and mode first: the disk is the memory, whatever the
// number of directories, and an archive in depth-first order sets each directory's times once.
//
// Only true directories of the tree are in here, by their path without any symlink: a path that is
// cached can be written to by its descriptor and one component.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

struct OpenDir {
  RelPath path;
  UniqueFd fd;             // O_RDONLY
  TimeStamp mtime;         // to be set when it leaves the cache …
  mode_t mode = 0;         // … and the mode, when …
  bool mode_waits = false; // … the one on disk is wider for now
  bool touched = false;    // its times on disk are not `mtime` any more
};

class DirCache {
 public:
  static constexpr std::size_t kCapacity = 128; // descriptors; at least 3

  explicit DirCache(FdRef top, std::size_t capacity = kCapacity) : top_(top), capacity_(capacity) {}
  DirCache(const DirCache&) = delete;
  DirCache& operator=(const DirCache&) = delete;

  // The directory when it is open already. The pointer is valid until the next call of find or add.
  OpenDir* cached(const RelPath& path);
  // The directory, opened when need be; nullptr when `path` is not a directory of the tree, or has
  // something else than a directory on its way. Throws Error.
  OpenDir* find(const RelPath& path);
  // Takes a directory that the caller has just made or opened.
  OpenDir& add(OpenDir dir);
  // Lets go of `path` and everything below it without touching them: they are being removed.
  void forget(const RelPath& path);
  // Gives every open directory its final look. Throws Error.
  void finish();

 private:
  using Order = std::list<OpenDir>; // the most recently used first
  OpenDir* open_child(OpenDir& parent, const RelPath& path);
  void settle(OpenDir& dir);

  FdRef top_;
  std::size_t capacity_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> by_path_;
};

// The permissions that writing into a directory needs.
inline constexpr mode_t kOwnerAll = 0700;

} // namespace layerbox
