#include "base/resolve_walk.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {
namespace {

constexpr int kMaxLinks = 40;       // MAXSYMLINKS of the kernel
constexpr ino_t kProcRootInode = 1; // PROC_ROOT_INO of the kernel
constexpr int kEnter = O_PATH | O_NOFOLLOW | O_CLOEXEC;

int fail(int error_number) {
  errno = error_number;
  return -1;
}

bool refuse(int error_number) {
  errno = error_number;
  return false;
}

// One resolution. At any time it holds the directory it stands in and that directory's name below
// the top; ".." goes back to the top and down again, so that no depth needs more descriptors.
class Walk {
 public:
  Walk(int top, const char* name, Follow follow) : top_(top), rest_(name), follow_(follow) {}

  int open_last(int flags, mode_t mode) {
    // A file that must be new never stands behind a symlink (open(2), O_EXCL).
    if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) flags |= O_NOFOLLOW;
    for (;;) {
      const std::string component = take_component();
      if (component.empty()) return open_here(flags);
      if (component == ".") continue;
      if (component == "..") {
        if (!leave()) return -1;
        continue;
      }
      const bool last = rest_.empty();
      if (!last && only_slashes_left() && (flags & O_CREAT) != 0) return fail(EISDIR);
      UniqueFd found(::openat(here(), component.c_str(), kEnter));
      if (!found && !(last && errno == ENOENT && (flags & O_CREAT) != 0)) return -1;
      struct stat status {};
      if (found && ::fstat(found.get(), &status) != 0) return -1;
      if (found && S_ISLNK(status.st_mode) && !(last && (flags & O_NOFOLLOW) != 0)) {
        if (!enter_link(found.get())) return -1;
        continue;
      }
      // O_NOFOLLOW: should the name become a symlink since we looked, the kernel says ELOOP.
      if (last) return ::openat(here(), component.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
      if (!S_ISDIR(status.st_mode)) return fail(ENOTDIR);
      here_ = std::move(found);
      names_.push_back(component);
    }
  }

 private:
  int here() const { return here_ ? here_.get() : top_; }
  bool only_slashes_left() const { return rest_.find_first_not_of('/') == std::string::npos; }

  // "" at the end of the name. What is left begins with '/', or is empty.
  std::string take_component() {
    const std::size_t start = rest_.find_first_not_of('/');
    if (start == std::string::npos) return {};
    const std::size_t end = std::min(rest_.find('/', start), rest_.size());
    std::string component = rest_.substr(start, end - start);
    rest_.erase(0, end);
    return component;
  }

  void return_to_top() {
    here_.reset();
    names_.clear();
  }

  bool leave() {
    if (names_.empty()) return follow_ == Follow::inside || refuse(EXDEV);
    std::vector<std::string> names = std::move(names_);
    names.pop_back();
    return_to_top();
    for (std::string& name : names) {
      UniqueFd next(::openat(here(), name.c_str(), kEnter | O_DIRECTORY));
      if (!next) return false;
      here_ = std::move(next);
      names_.push_back(std::move(name));
    }
    return true;
  }

  // Links such as /proc/PID/fd/3 lead to an object whatever the root is. They stand below the
  // directories of processes; the links at the top of /proc ("self", "mounts") are ordinary ones.
  bool is_magic(int link) const {
    struct statfs system {};
    struct stat directory {};
    return ::fstatfs(link, &system) != 0 ||
           (system.f_type == PROC_SUPER_MAGIC &&
            (::fstat(here(), &directory) != 0 || directory.st_ino != kProcRootInode));
  }

  bool enter_link(int link) {
    if (follow_ == Follow::never || ++links_ > kMaxLinks || is_magic(link)) return refuse(ELOOP);
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(link, "", target, sizeof target);
    if (size < 0) return false;
    if (size == 0) return refuse(ENOENT);
    if (size == PATH_MAX) return refuse(ENAMETOOLONG);
    rest_.insert(0, target, static_cast<std::size_t>(size));
    if (target[0] == '/') return_to_top();
    return true;
  }

  int open_here(int flags) const {
    if ((flags & O_CREAT) != 0) return fail(EISDIR);
    return ::openat(here(), ".", flags | O_CLOEXEC);
  }

  int top_;
  std::string rest_;
  Follow follow_;
  int links_ = 0;
  UniqueFd here_; // nothing at the top
  std::vector<std::string> names_;
};

} // namespace

int open_by_walking(int dir, const char* name, int flags, mode_t mode, Follow follow) {
  if (follow == Follow::never && name[0] == '/') return fail(EXDEV);
  if (std::strlen(name) >= PATH_MAX) return fail(ENAMETOOLONG);
  return Walk(dir, name, follow).open_last(flags, mode);
}

} // namespace layerbox
