// race_tree: a rootfs on whose names somebody plays, beside a canary that nobody may touch; and the
// players.
//
//     T/root      the rootfs: directories, and symbolic links that lead out of it to T/canary
//     T/root/T/canary   where these links lead inside, so that a start can succeed either way
//     T/canary    must be in the end as it was
//     T/outside   a directory whose content changes places with one of the rootfs
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/temp.hpp"
#include "base/unique_fd.hpp"

namespace layerbox::test {

// Two names that change places, by the directories that they are in.
struct Swap {
  int one_dir = -1;
  const char* one = nullptr;
  int two_dir = -1;
  const char* two = nullptr;
};

inline constexpr char kLongWay[] = "a/b/c/d/e/f/g/h";

class RaceTree {
 public:
  explicit RaceTree(uid_t owner);
  const std::string& top() const { return top_; }
  std::string root() const { return top_ + "/root"; }
  std::string canary() const { return top_ + "/canary"; }
  std::vector<Swap> swaps() const;
  // Lets two names of the rootfs change places.
  void swap(const char* one, const char* two) const;
  // The name of a directory that was there from the beginning, by its content: below the rootfs at
  // its own place, and at the place where the links lead inside.
  FdRef place() const { return work_; }
  FdRef namesake() const { return namesake_; }
  FdRef loose_dev() const { return loose_dev_; }
  // Removes what attempts have made in the rootfs: all that is called "new…", and nodes. Requires
  // that their mounts are gone.
  void clear() const;
  // Names, modes, owners, sizes, times and inodes of all of the canary.
  std::string canary_text() const;

 private:
  TempDir temp_;
  std::string top_;
  UniqueFd root_, etc_, work_, namesake_, loose_dev_, work2_, outside_;
};

// A number that another process counts.
class SharedCount {
 public:
  SharedCount();
  SharedCount(const SharedCount&) = delete;
  SharedCount& operator=(const SharedCount&) = delete;
  ~SharedCount();
  std::atomic<std::uint64_t>& operator*() const { return *value_; }

 private:
  std::atomic<std::uint64_t>* value_;
};

// A process that swaps, in no order, until it is destroyed.
class Racer {
 public:
  explicit Racer(const RaceTree& tree, unsigned seed);
  Racer(const Racer&) = delete;
  Racer& operator=(const Racer&) = delete;
  ~Racer();
  std::uint64_t swaps() const { return *count_; }

 private:
  SharedCount count_;
  pid_t pid_ = -1;
};

} // namespace layerbox::test
