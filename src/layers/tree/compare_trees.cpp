#include "layers/tree/compare_trees.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "base/xattr.hpp"
#include "layers/tree/overlay_dialect.hpp"
#include "layers/tree/tell_node.hpp"

namespace layerbox {
namespace {

// Given to files by the system they lie on, not by the image.
constexpr const char* kSystemLabel = "security.selinux";

const char* type_word(const struct stat& status) {
  if (S_ISREG(status.st_mode)) return "a file";
  if (S_ISDIR(status.st_mode)) return "a directory";
  if (S_ISLNK(status.st_mode)) return "a symlink";
  if (S_ISFIFO(status.st_mode)) return "a fifo";
  if (S_ISSOCK(status.st_mode)) return "a socket";
  if (S_ISBLK(status.st_mode)) return "a block device";
  return is_whiteout_node(status) ? "a whiteout" : "a character device";
}

XattrMap comparable_xattrs(FdRef dir, const char* name) {
  XattrMap attributes = read_xattrs(dir, name);
  attributes.erase(kSystemLabel);
  return attributes;
}

// Directories of a tree by path; the last one stays open, because names come directory by
// directory.
class Directories {
 public:
  explicit Directories(FdRef top) : top_(top) {}

  // Nothing when it, or one on the way, is no directory.
  std::optional<FdRef> open(const RelPath& path) {
    if (path.is_top()) return top_;
    if (open_ && open_->first == path) return FdRef(open_->second);
    open_.reset();
    try {
      open_.emplace(path, open_beneath(top_, path, kOpenDir));
    } catch (const Error& error) {
      const int e = error.error_number();
      if (e != ENOENT && e != ENOTDIR && e != ELOOP) throw;
      return std::nullopt;
    }
    return FdRef(open_->second);
  }

 private:
  FdRef top_;
  std::optional<std::pair<RelPath, UniqueFd>> open_;
};

class Comparing {
 public:
  using Differs = std::function<void(const RelPath&, const std::string&)>;

  Comparing(FdRef expected, FdRef actual, MissingAttributes missing, const Differs& differs)
      : expected_(expected), actual_(actual), missing_(missing), differs_(differs) {}

  void run() {
    compare(RelPath(), expected_, "", stat_fd(expected_), actual_, stat_fd(actual_));
    Directories others(actual_);
    walk(expected_, [&](const WalkEntry& entry) {
      const auto dir = others.open(entry.path.parent());
      const auto status = dir ? try_stat_at(*dir, entry.name) : std::nullopt;
      if (!status) {
        differs_(entry.path, "is missing");
        return WalkStep::skip;
      }
      return compare(entry.path, entry.dir, entry.name, entry.status, *dir, *status);
    });
    find_surplus();
  }

 private:
  void find_surplus() {
    Directories others(expected_);
    walk(actual_, [&](const WalkEntry& entry) {
      const auto dir = others.open(entry.path.parent());
      if (!dir) return WalkStep::skip; // of another type, which was told
      if (const auto status = try_stat_at(*dir, entry.name))
        return S_ISDIR(status->st_mode) ? WalkStep::into : WalkStep::skip;
      differs_(entry.path,
               fmt::format("is {} that does not belong there", type_word(entry.status)));
      return WalkStep::skip;
    });
  }

  WalkStep compare(const RelPath& path, FdRef wanted_dir, const char* name,
                   const struct stat& wanted, FdRef dir, const struct stat& found) {
    const auto tell = [&](const std::string& what) { differs_(path, what); };
    if (std::string_view(type_word(wanted)) != type_word(found)) {
      tell(fmt::format("is {}, not {}", type_word(found), type_word(wanted)));
      return WalkStep::skip;
    }
    if (is_whiteout_node(wanted)) return WalkStep::skip; // it has nothing of its own
    if (wanted.st_mode != found.st_mode)
      tell(fmt::format("has the mode {:04o}, not {:04o}", found.st_mode & 07777,
                       wanted.st_mode & 07777));
    if (wanted.st_uid != found.st_uid || wanted.st_gid != found.st_gid)
      tell(fmt::format("belongs to {}:{}, not {}:{}", found.st_uid, found.st_gid, wanted.st_uid,
                       wanted.st_gid));
    if (wanted.st_rdev != found.st_rdev) tell("is another device");
    if (wanted.st_mtim.tv_sec != found.st_mtim.tv_sec ||
        wanted.st_mtim.tv_nsec != found.st_mtim.tv_nsec)
      tell(fmt::format("was changed at {}.{:09}, not {}.{:09} (seconds since 1970)",
                       found.st_mtim.tv_sec, found.st_mtim.tv_nsec, wanted.st_mtim.tv_sec,
                       wanted.st_mtim.tv_nsec));
    compare_content(path, wanted_dir, name, wanted, dir, found);
    compare_xattrs(path, wanted_dir, name, dir);
    if (!S_ISDIR(wanted.st_mode)) compare_links(path, wanted, found);
    return WalkStep::into;
  }

  void compare_content(const RelPath& path, FdRef wanted_dir, const char* name,
                       const struct stat& wanted, FdRef dir, const struct stat& found) {
    if (S_ISREG(wanted.st_mode) && wanted.st_size != found.st_size)
      differs_(path, fmt::format("has {} bytes, not {}", found.st_size, wanted.st_size));
    if (S_ISLNK(wanted.st_mode) &&
        read_symlink(wanted_dir, name, path) != read_symlink(dir, name, path))
      differs_(path, "leads elsewhere");
  }

  void compare_xattrs(const RelPath& path, FdRef wanted_dir, const char* name, FdRef dir) {
    const XattrMap wanted = comparable_xattrs(wanted_dir, name);
    const XattrMap found = comparable_xattrs(dir, name);
    for (const auto& [key, value] : wanted)
      if (const auto other = found.find(key); other == found.end()) {
        if (missing_ == MissingAttributes::told)
          differs_(path, fmt::format("lacks the attribute {}", printable(key)));
      } else if (other->second != value) {
        differs_(path, fmt::format("has another value of the attribute {}", printable(key)));
      }
    for (const auto& [key, value] : found)
      if (!wanted.contains(key))
        differs_(path,
                 fmt::format("has the attribute {}, which does not belong there", printable(key)));
  }

  // The names of one file are those of one file in the other tree, and no others are.
  void compare_links(const RelPath& path, const struct stat& wanted, const struct stat& found) {
    if (wanted.st_nlink != found.st_nlink)
      differs_(path, fmt::format("has {} names, not {}", found.st_nlink, wanted.st_nlink));
    if (wanted.st_nlink < 2) return;
    const auto [first, is_first] = files_.try_emplace(wanted.st_ino, found.st_ino);
    if (!is_first && first->second != found.st_ino)
      differs_(path, "is no hard link to the file whose name it was");
  }

  FdRef expected_;
  FdRef actual_;
  MissingAttributes missing_;
  const Differs& differs_;
  std::map<ino_t, ino_t> files_; // of several names: expected, actual
};

} // namespace

void compare_trees(
    FdRef expected, FdRef actual, MissingAttributes missing,
    const std::function<void(const RelPath& path, const std::string& what)>& differs) {
  Comparing(expected, actual, missing, differs).run();
}

} // namespace layerbox
