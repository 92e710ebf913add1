#include "base/resolve_walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {
namespace {

constexpr int kMaxLinks = 40;

int fail(int error_number) {
  errno = error_number;
  return -1;
}

class Walk {
 public:
  Walk(int dir, const char* name, Follow follow) : dir_(dir), rest_(name), follow_(follow) {}

  int open_last(int flags, mode_t mode) {
    for (;;) {
      const std::string component = take_component();
      if (component.empty()) return reopen_here(flags);
      if (component == ".") continue;
      if (component == "..") {
        if (stack_.empty() && follow_ == Follow::never) return fail(EXDEV);
        if (!stack_.empty()) stack_.pop_back();
        continue;
      }
      const bool last = rest_.find_first_not_of('/') == std::string::npos;
      UniqueFd found(::openat(here(), component.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!found && !(last && errno == ENOENT && (flags & O_CREAT) != 0)) return -1;
      struct stat status {};
      if (found && ::fstat(found.get(), &status) != 0) return -1;
      if (found && S_ISLNK(status.st_mode) && !(last && (flags & O_NOFOLLOW) != 0)) {
        if (follow_ == Follow::never) return fail(ELOOP);
        if (!enter_link(found.get())) return -1;
        continue;
      }
      // O_NOFOLLOW: should the name become a symlink since we looked, the kernel says ELOOP.
      if (last) return ::openat(here(), component.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
      if (!S_ISDIR(status.st_mode)) return fail(ENOTDIR);
      stack_.push_back(std::move(found));
    }
  }

 private:
  int here() const { return stack_.empty() ? dir_ : stack_.back().get(); }

  // "" at the end of the name.
  std::string take_component() {
    const std::size_t start = rest_.find_first_not_of('/');
    if (start == std::string::npos) return rest_.clear(), std::string();
    const std::size_t end = std::min(rest_.find('/', start), rest_.size());
    std::string component = rest_.substr(start, end - start);
    rest_.erase(0, end);
    return component;
  }

  bool enter_link(int link) {
    if (++links_ > kMaxLinks) return fail(ELOOP), false;
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(link, "", target, sizeof target);
    if (size <= 0 || size == PATH_MAX) return fail(size < 0 ? errno : ENAMETOOLONG), false;
    rest_.insert(0, std::string(target, static_cast<std::size_t>(size)) + '/');
    if (target[0] == '/') stack_.clear();
    return true;
  }

  int reopen_here(int flags) {
    return ::openat(here(), ".", (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC);
  }

  int dir_;
  std::string rest_;
  Follow follow_;
  int links_ = 0;
  std::vector<UniqueFd> stack_; // the directories entered, below dir_
};

} // namespace

int open_by_walking(int dir, const char* name, int flags, mode_t mode, Follow follow) {
  if (follow == Follow::never && name[0] == '/') return fail(EXDEV);
  return Walk(dir, name, follow).open_last(flags, mode);
}

} // namespace layerbox
