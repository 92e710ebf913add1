#include "base/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

// Deeper directories are moved up beside the first one and removed from there, so that neither the
// stack nor the descriptors grow with the depth.
constexpr int kMaxDepth = 128;

class Remover {
 public:
  // `dir` and `name` are what is removed; too deep directories are parked in `dir`'s child itself.
  Remover(FdRef dir, const char* name) : dir_(dir), name_(name) {}

  void run() {
    if (::unlinkat(dir_.get(), name_, 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) fail(errno, name_);
    struct stat status {};
    if (::fstatat(dir_.get(), name_, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return;
      fail(errno, name_);
    }
    if (!S_ISDIR(status.st_mode)) fail(EPERM, name_);
    device_ = status.st_dev;
    top_ = open_dir(dir_.get(), name_);
    if (!top_) return;
    check_same_file_system(top_.get(), name_);
    // Emptying the top may park more directories in it.
    do {
      parked_again_ = false;
      empty(top_.get(), 0);
    } while (parked_again_);
    if (::unlinkat(dir_.get(), name_, AT_REMOVEDIR) != 0 && errno != ENOENT) fail(errno, name_);
  }

 private:
  [[noreturn]] static void fail(int error_number, const char* name) {
    throw_errno(error_number, "remove '" + printable(name) + "'");
  }

  // Nothing when it is gone. A directory that lacks its owner's permissions gets them.
  UniqueFd open_dir(int parent, const char* name) const {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd fd(::openat(parent, name, kFlags));
    if (!fd && errno == EACCES) {
      // O_PATH and /proc keep a symlink that takes the name's place from being changed.
      const UniqueFd path(::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (path) ::chmod(("/proc/self/fd/" + std::to_string(path.get())).c_str(), 0700);
      fd.reset(::openat(parent, name, kFlags));
    }
    if (!fd && errno != ENOENT) fail(errno, name);
    return fd;
  }

  void check_same_file_system(int fd, const char* name) const {
    struct stat status {};
    if (::fstat(fd, &status) != 0) fail(errno, name);
    if (status.st_dev != device_)
      throw Error(ErrorKind::in_use,
                  "remove '" + printable(name) + "': another file system is mounted there");
    // Removing names needs the owner's write and search permission.
    if ((status.st_mode & 0700) != 0700) ::fchmod(fd, 0700);
  }

  void empty(int dir, int depth) {
    UniqueFd own(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) fail(errno, name_);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own.get()), &::closedir);
    if (!stream) fail(errno, name_);
    own.release();
    for (const dirent* entry; (entry = ::readdir(stream.get())) != nullptr;) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") remove_entry(dir, *entry, depth);
    }
  }

  void remove_entry(int dir, const dirent& entry, int depth) {
    const char* name = entry.d_name;
    if (entry.d_type != DT_DIR) {
      if (::unlinkat(dir, name, 0) == 0 || errno == ENOENT) return;
      if (errno != EISDIR) fail(errno, name);
    }
    if (::unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES) fail(errno, name);
    if (depth >= kMaxDepth) return park(dir, name);
    const UniqueFd below = open_dir(dir, name);
    if (!below) return;
    check_same_file_system(below.get(), name);
    empty(below.get(), depth + 1);
    if (::unlinkat(dir, name, AT_REMOVEDIR) != 0 && errno != ENOENT) fail(errno, name);
  }

  void park(int dir, const char* name) {
    const UniqueFd open = open_dir(dir, name); // gives it the permissions that a move needs
    if (!open) return;
    check_same_file_system(open.get(), name);
    for (;;) { // the tree may hold such a name itself
      const std::string parked = ".layerbox-deep-" + std::to_string(parked_count_++);
      if (::renameat2(dir, name, top_.get(), parked.c_str(), RENAME_NOREPLACE) == 0) break;
      if (errno != EEXIST) fail(errno, name);
    }
    parked_again_ = true;
  }

  FdRef dir_;
  const char* name_;
  UniqueFd top_;
  dev_t device_ = 0;
  bool parked_again_ = false;
  std::uint64_t parked_count_ = 0;
};

} // namespace

void remove_tree(FdRef dir, const char* name) {
  Remover(dir, name).run();
}

} // namespace layerbox
