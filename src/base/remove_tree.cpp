#include "base/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/dir_stack.hpp"
#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/subvolume.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kListBytes = 64 * 1024;
// Some file systems leave names out when a directory changes while it is read: look again, but not
// for ever when somebody goes on to fill it.
constexpr int kMaxScans = 100;

enum class Outcome : std::uint8_t { gone, full_directory };

// Every directory is read once: what can go, goes at once, and the directories that are not empty
// are remembered by name and entered one after the other.
class Remover {
 public:
  explicit Remover(FdRef dir) : stack_(dir) {}

  void run(const char* name) {
    if (remove_entry(name, DT_UNKNOWN) == Outcome::gone) return;
    enter(name, 1);
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next < level.directories.size())
        enter(std::string(level.directories[level.next++]), 1);
      else
        leave();
    }
  }

 private:
  struct Level {
    std::string name;
    int scan;                             // how often it has been read, this time included
    bool had_entries = false;             // in this scan
    bool is_opened_up = false;            // its permissions were added, or cannot be
    std::vector<std::string> directories; // those that are not empty
    std::size_t next = 0;
  };

  [[noreturn]] void fail(int error_number, std::string_view name) const {
    std::string path;
    for (const Level& level : levels_)
      path += level.name + '/';
    path += name;
    constexpr std::size_t kShown = 400;
    const std::string shown =
        path.size() > kShown ? "…" + printable(path.substr(path.size() - kShown)) : printable(path);
    if (error_number == EBUSY)
      throw Error(ErrorKind::in_use, "remove '" + shown + "': something is mounted there", EBUSY);
    throw_errno(error_number, "remove '" + shown + "'");
  }

  // Gives the directory that we stand in its owner's permissions, once.
  bool open_up_here() {
    if (levels_.empty() || levels_.back().is_opened_up) return false;
    levels_.back().is_opened_up = true;
    return ::fchmod(stack_.here().get(), 0700) == 0;
  }

  // 0 or errno.
  int unlink(const char* name, int flags) {
    for (;;) {
      if (::unlinkat(stack_.here().get(), name, flags) == 0 || errno == ENOENT) return 0;
      const int error_number = errno;
      if (error_number != EACCES || !open_up_here()) return error_number;
    }
  }

  // A directory is tried as an empty one first. That also keeps us out of what is mounted: the
  // kernel answers EBUSY for a mount point, before it looks whether it is empty (rmdir(2)).
  Outcome remove_entry(const char* name, unsigned char type) {
    if (type != DT_DIR) {
      const int error_number = unlink(name, 0);
      if (error_number == 0) return Outcome::gone;
      if (error_number != EISDIR) fail(error_number, name);
    }
    const int error_number = unlink(name, AT_REMOVEDIR);
    if (error_number == 0) return Outcome::gone;
    if (error_number != ENOTEMPTY && error_number != EEXIST) fail(error_number, name);
    return Outcome::full_directory;
  }

  // Nothing when it is gone. A directory that its owner may not read is given his permissions.
  UniqueFd open_dir(const char* name) const {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const int here = stack_.here().get();
    UniqueFd fd(::openat(here, name, kFlags));
    if (!fd && errno == EACCES) {
      // By way of O_PATH and /proc a symlink that takes the name's place is not changed.
      const UniqueFd path(::openat(here, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!path || ::chmod(("/proc/self/fd/" + std::to_string(path.get())).c_str(), 0700) != 0)
        fail(EACCES, name);
      fd.reset(::openat(here, name, kFlags));
    }
    if (!fd && errno != ENOENT) fail(errno, name);
    return fd;
  }

  // A subvolume of btrfs goes at once where that is allowed, else as a directory does.
  bool destroyed(FdRef dir, const char* name) const {
    if (!is_subvolume(dir)) return false;
    const FdRef here = stack_.here();
    int error_number = destroy_subvolume(here, name);
    if (error_number == EACCES && ::fchmod(dir.get(), 0700) == 0)
      error_number = destroy_subvolume(here, name);
    if (error_number == 0) return true;
    // Somebody may have made it read-only: nothing in it could be removed.
    return make_subvolume_writable(dir) && destroy_subvolume(here, name) == 0;
  }

  void enter(const std::string& name, int scan) {
    UniqueFd dir = open_dir(name.c_str());
    if (!dir || destroyed(dir, name.c_str())) return;
    stack_.enter(std::move(dir));
    levels_.push_back({.name = name, .scan = scan, .directories = {}});
    read_and_remove();
  }

  void read_and_remove() {
    for (;;) {
      const ssize_t size = ::getdents64(stack_.here().get(), list_.get(), kListBytes);
      if (size < 0) fail(errno, "");
      if (size == 0) return;
      for (ssize_t at = 0; at < size;) {
        const auto* entry = reinterpret_cast<const dirent64*>(list_.get() + at);
        at += entry->d_reclen;
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        levels_.back().had_entries = true;
        if (remove_entry(entry->d_name, entry->d_type) == Outcome::full_directory)
          levels_.back().directories.emplace_back(name);
      }
    }
  }

  void leave() {
    const Level done = std::move(levels_.back());
    levels_.pop_back();
    stack_.leave();
    const int error_number = unlink(done.name.c_str(), AT_REMOVEDIR);
    if (error_number == 0) return;
    const bool is_full = error_number == ENOTEMPTY || error_number == EEXIST;
    if (!is_full || !done.had_entries || done.scan == kMaxScans) fail(error_number, done.name);
    enter(done.name, done.scan + 1);
  }

  DirStack stack_;
  std::vector<Level> levels_;
  std::unique_ptr<char[]> list_ = std::make_unique_for_overwrite<char[]>(kListBytes);
};

} // namespace

void remove_tree(FdRef dir, const char* name) {
  const std::string_view last =
      std::string_view(name).substr(std::string_view(name).rfind('/') + 1);
  if (last.empty() || last == "." || last == "..")
    throw Error(ErrorKind::invalid_argument, "remove '" + printable(name) + "': not a name");
  Remover(dir).run(name);
}

} // namespace layerbox
