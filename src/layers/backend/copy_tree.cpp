#include "layers/backend/copy_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/backend/copy_file.hpp"

namespace layerbox {

namespace {

constexpr mode_t kModeBits = 07777;

void set_times(FdRef dir, const char* name, const struct stat& status, int flags) {
  const struct timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::utimensat(dir.get(), name, times, flags) != 0) throw_errno(errno, "setting the times");
}

// Attributes go last: a capability is lost when the owner changes.
void set_xattrs(FdRef dir, const char* name, const XattrMap& xattrs) {
  for (const auto& [key, value] : xattrs)
    set_xattr(dir, name, key, value);
}

std::string copying(const RelPath& path) {
  return fmt::format("copying '/{}'", printable(path.str()));
}

// The names one merged directory still waits for, or the moment it is left.
struct Step {
  RelPath path;
  std::vector<std::size_t> trees;
  bool leave = false;
};

// What overlayfs has noted in a tree: whiteouts, and marks among the attributes.
enum class Notes : bool { left_out, copied };

// The attributes that a copy has. The number of a file system that overlayfs has given to a tree
// is that tree's alone; a label is the host's.
XattrMap copied_xattrs(FdRef dir, const char* name, Notes notes) {
  if (notes == Notes::left_out) return image_xattrs(dir, name);
  XattrMap all = read_xattrs(dir, name);
  all.erase("security.selinux");
  all.erase("user.overlay.uuid");
  return all;
}

void copy_metadata(FdRef from, FdRef to, Notes notes) {
  const struct stat status = stat_fd(from);
  if (::fchown(to.get(), status.st_uid, status.st_gid) != 0) throw_errno(errno, "chown");
  if (::fchmod(to.get(), status.st_mode & kModeBits) != 0) throw_errno(errno, "chmod");
  set_xattrs(to, "", copied_xattrs(from, "", notes));
  const struct timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::futimens(to.get(), times) != 0) throw_errno(errno, "setting the times");
}

class TreeCopy {
 public:
  TreeCopy(std::vector<TreeRef> trees, Notes notes, Activity activity, FdRef destination,
           Progress& progress)
      : trees_(std::move(trees)), notes_(notes), activity_(activity), destination_(destination),
        progress_(progress), copier_(activity) {}

  void run();

 private:
  void enter(const Step& step);
  void enter_still(const Step& step);
  std::vector<MergedEntry> entries_of(const Step& step) const;
  void leave(const Step& step);
  void copy_entry(FdRef from, FdRef to, const MergedEntry& entry);
  void copy_regular(FdRef from, FdRef to, const MergedEntry& entry);
  void copy_symlink(FdRef from, FdRef to, const MergedEntry& entry);
  void copy_special(FdRef from, FdRef to, const MergedEntry& entry);
  void copy_named_metadata(FdRef from, FdRef to, const MergedEntry& entry);
  bool linked(FdRef to, const RelPath& path, const MergedEntry& entry);

  std::vector<TreeRef> trees_;
  Notes notes_;
  Activity activity_;
  FdRef destination_;
  Progress& progress_;
  FileCopier copier_;
  std::vector<Step> todo_;
  std::map<std::pair<dev_t, ino_t>, RelPath> links_; // files with several names: the first copied
  std::uint64_t done_bytes_ = 0;
};

void TreeCopy::run() {
  if (trees_.empty()) return;
  todo_.push_back({RelPath(), all_trees(trees_.size()), false});
  while (!todo_.empty()) {
    const Step step = std::move(todo_.back());
    todo_.pop_back();
    if (step.leave) {
      with_context([&] { return copying(step.path); }, [&] { leave(step); });
    } else {
      enter(step);
    }
  }
}

// Runs `work`; what is gone meanwhile was not there, when somebody is at work in the source.
template <typename Work> void unless_gone(Activity activity, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    if (activity == Activity::none || !means_gone(error)) throw;
  }
}

void TreeCopy::enter(const Step& step) {
  todo_.push_back({step.path, {step.trees.front()}, true});
  unless_gone(activity_, [&] { enter_still(step); });
}

std::vector<MergedEntry> TreeCopy::entries_of(const Step& step) const {
  if (notes_ == Notes::left_out) return merged_entries(trees_, step.path, step.trees);
  const UniqueFd dir = open_beneath(trees_.front(), step.path, kOpenDir);
  std::vector<MergedEntry> entries;
  for (std::string& name : list_dir(dir))
    if (const auto status = try_stat_at(dir, name.c_str()))
      entries.push_back({std::move(name), *status, {0}});
  return entries;
}

void TreeCopy::enter_still(const Step& step) {
  const UniqueFd to = open_beneath(destination_, step.path, kOpenDir);
  UniqueFd from; // the directory in the tree of the last entry: neighbours mostly share it
  std::size_t from_tree = 0;
  for (MergedEntry& entry : entries_of(step)) {
    const RelPath path = step.path.child(entry.name);
    if (S_ISDIR(entry.status.st_mode)) {
      make_dir_at(to, entry.name.c_str(), 0700);
      todo_.push_back({path, std::move(entry.trees), false});
      continue;
    }
    with_context([&] { return copying(path); },
                 [&] {
                   if (linked(to, path, entry)) return;
                   if (!from || from_tree != entry.trees.front()) {
                     from_tree = entry.trees.front();
                     from = open_beneath(trees_[from_tree], step.path, kOpenDir);
                   }
                   unless_gone(activity_, [&] { copy_entry(from, to, entry); });
                 });
  }
}

// All below is there: now the directory's own metadata cannot be disturbed any more.
void TreeCopy::leave(const Step& step) {
  unless_gone(activity_, [&] {
    const UniqueFd from = open_beneath(trees_[step.trees.front()], step.path, kOpenDir);
    const UniqueFd to = open_beneath(destination_, step.path, kOpenDir);
    copy_metadata(from, to, notes_);
  });
}

void TreeCopy::copy_entry(FdRef from, FdRef to, const MergedEntry& entry) {
  switch (entry.status.st_mode & S_IFMT) {
  case S_IFREG:
    return copy_regular(from, to, entry);
  case S_IFLNK:
    return copy_symlink(from, to, entry);
  default:
    return copy_special(from, to, entry);
  }
}

// A further name of a file that was copied already becomes a link to it.
bool TreeCopy::linked(FdRef to, const RelPath& path, const MergedEntry& entry) {
  if (entry.status.st_nlink < 2) return false;
  const auto [first, is_new] = links_.try_emplace({entry.status.st_dev, entry.status.st_ino}, path);
  if (is_new) return false;
  const RelPath& there = first->second;
  const UniqueFd dir = open_beneath(destination_, there.parent(), kOpenDir);
  const std::string name(there.filename());
  if (::linkat(dir.get(), name.c_str(), to.get(), entry.name.c_str(), 0) != 0) {
    if (errno == ENOENT && activity_ == Activity::live) { // it went away before it was copied
      first->second = path;
      return false;
    }
    throw_errno(errno, fmt::format("linking to '{}'", printable(there.str())));
  }
  return true;
}

void TreeCopy::copy_regular(FdRef from, FdRef to, const MergedEntry& entry) {
  const RelPath name = RelPath::parse(entry.name);
  const struct stat& status = entry.status;
  const UniqueFd in = open_beneath(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const UniqueFd out =
      open_beneath(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  copier_.copy(in, out, status.st_size, status.st_blocks * 512 < status.st_size);
  if (::fchown(out.get(), status.st_uid, status.st_gid) != 0) throw_errno(errno, "chown");
  if (::fchmod(out.get(), status.st_mode & kModeBits) != 0) throw_errno(errno, "chmod");
  set_xattrs(out, "", copied_xattrs(in, "", notes_));
  const struct timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::futimens(out.get(), times) != 0) throw_errno(errno, "setting the times");
  done_bytes_ += static_cast<std::uint64_t>(status.st_size);
  progress_.advance(done_bytes_);
}

void TreeCopy::copy_symlink(FdRef from, FdRef to, const MergedEntry& entry) {
  std::string target(static_cast<std::size_t>(entry.status.st_size) + 1, '\0');
  const ssize_t size = ::readlinkat(from.get(), entry.name.c_str(), target.data(), target.size());
  if (size < 0) throw_errno(errno, "readlink");
  if (static_cast<std::size_t>(size) >= target.size()) {
    throw Error(ErrorKind::corrupt, "the symlink is longer than its size says");
  }
  target.resize(static_cast<std::size_t>(size));
  if (::symlinkat(target.c_str(), to.get(), entry.name.c_str()) != 0) throw_errno(errno, "symlink");
  copy_named_metadata(from, to, entry);
}

void TreeCopy::copy_special(FdRef from, FdRef to, const MergedEntry& entry) {
  const mode_t type = entry.status.st_mode & S_IFMT;
  if (::mknodat(to.get(), entry.name.c_str(), type | 0600, entry.status.st_rdev) != 0) {
    throw_errno(errno, "mknod");
  }
  copy_named_metadata(from, to, entry);
}

// Metadata of what cannot be opened without an effect: by name, in our own directory.
void TreeCopy::copy_named_metadata(FdRef from, FdRef to, const MergedEntry& entry) {
  const struct stat& status = entry.status;
  const char* name = entry.name.c_str();
  if (::fchownat(to.get(), name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno(errno, "chown");
  }
  if (!S_ISLNK(status.st_mode) && ::fchmodat(to.get(), name, status.st_mode & kModeBits, 0) != 0) {
    throw_errno(errno, "chmod");
  }
  set_xattrs(to, name, copied_xattrs(from, name, notes_));
  set_times(to, name, status, AT_SYMLINK_NOFOLLOW);
}

} // namespace

void copy_directory_metadata(FdRef from, FdRef to) {
  copy_metadata(from, to, Notes::left_out);
}

void copy_tree(const RootfsView& view, FdRef destination, Progress& progress) {
  TreeCopy(tree_refs(view), Notes::left_out, Activity::none, destination, progress).run();
}

void copy_tree_as_it_lies(FdRef tree, Activity activity, FdRef destination, Progress& progress) {
  TreeCopy({TreeRef(tree)}, Notes::copied, activity, destination, progress).run();
}

} // namespace layerbox
