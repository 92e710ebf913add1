#include "layers/copy/tell_copy.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cerrno>
#include <map>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/copy/copy_writer.hpp"
#include "layers/tree/dir_reader.hpp"
#include "layers/tree/file_regions.hpp"
#include "layers/tree/tell_node.hpp"
#include "layers/view/rootfs_view.hpp"

namespace layerbox {
namespace {

// A fifo is not waited for, and no terminal becomes ours.
constexpr int kReadUnknown = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

// What is there is made by the kernel while it is read, and has neither a size nor an end.
bool is_made_by_the_kernel(FdRef fd) {
  struct statfs status {};
  if (::fstatfs(fd.get(), &status) != 0) throw_errno(errno, "look at a file system");
  switch (static_cast<unsigned long>(status.f_type)) {
  case PROC_SUPER_MAGIC:
  case SYSFS_MAGIC:
  case CGROUP_SUPER_MAGIC:
  case CGROUP2_SUPER_MAGIC:
  case DEBUGFS_MAGIC:
  case TRACEFS_MAGIC:
  case SECURITYFS_MAGIC:
    return true;
  default:
    return false;
  }
}

void require_kept_files(FdRef fd, const std::string& name) {
  if (!is_made_by_the_kernel(fd)) return;
  throw Error(ErrorKind::unsupported,
              "'" + printable(name) + "' is made by the kernel as it is read")
      .set_hint("'layerbox exec CONTAINER cat FILE' reads it in the container");
}

[[noreturn]] void refuse_errno(const std::string& name, int error_number) {
  throw_errno(error_number, "'" + printable(name) + "'");
}

class CopyTeller {
 public:
  CopyTeller(const CopySource& source, TreeSink& sink) : source_(source), sink_(sink) {}

  void tell_directory(FdRef dir, const RelPath& path) {
    sink_.directory(path, metadata(dir, stat_fd(dir)));
    walk(dir, [&](const WalkEntry& entry) {
      const RelPath inside =
          path.is_top() ? entry.path : RelPath::parse(path.str() + '/' + entry.path.str());
      return visit(entry, inside);
    });
  }

  void tell_file(UniqueFd fd, const RelPath& path) {
    const struct stat status = stat_fd(fd);
    const Metadata told = metadata(fd, status);
    if (status.st_nlink > 1) {
      const auto [first, is_first] = links_.try_emplace({status.st_dev, status.st_ino}, path);
      if (!is_first) return sink_.hardlink(path, told, first->second);
    }
    FileRegions regions(std::move(fd), path, status);
    sink_.file(path, told, static_cast<std::uint64_t>(status.st_size), regions);
  }

  // Anything but a directory.
  void tell(const NodeAt& node) {
    if (S_ISREG(node.status.st_mode)) return tell_file(open_regular_file(node).fd, node.path);
    Metadata told; // no attributes: those that are taken along are of files and directories
    told.uid = node.status.st_uid;
    told.gid = node.status.st_gid;
    told.mode = node.status.st_mode & 07777;
    told.mtime = {node.status.st_mtim.tv_sec,
                  static_cast<std::uint32_t>(node.status.st_mtim.tv_nsec)};
    if (source_.translate_owner) source_.translate_owner(told);
    tell_node(node, told, sink_);
  }

 private:
  WalkStep visit(const WalkEntry& entry, const RelPath& path) {
    if (S_ISSOCK(entry.status.st_mode)) return WalkStep::skip;
    try {
      if (!S_ISDIR(entry.status.st_mode)) {
        tell({entry.dir, entry.name, path, entry.status});
        return WalkStep::into;
      }
      const UniqueFd dir = open_beneath(entry.dir, RelPath::parse(entry.name), kOpenDir);
      sink_.directory(path, metadata(dir, stat_fd(dir)));
      if (is_made_by_the_kernel(dir)) return WalkStep::skip;
    } catch (const Error& error) {
      if (!means_gone(error)) throw;
      return WalkStep::skip;
    }
    return WalkStep::into;
  }

  Metadata metadata(FdRef fd, const struct stat& status) const {
    Metadata told = read_metadata(fd, "", status);
    std::erase_if(told.xattrs, [](const auto& item) { return !is_copied_xattr(item.first); });
    if (source_.translate_owner) source_.translate_owner(told);
    return told;
  }

  const CopySource& source_;
  TreeSink& sink_;
  std::map<std::pair<dev_t, ino_t>, RelPath> links_;
};

void tell_followed(const OpenName& open, const CopyName& name, const CoveredPlaces& covered,
                   CopyTeller& teller) {
  UniqueFd fd = open(name.path, kReadUnknown);
  require_kept_files(fd, name.path);
  const mode_t mode = stat_fd(fd).st_mode;
  const RelPath path = RelPath::parse(name.base);
  if (S_ISDIR(mode)) {
    covered.require_seen(fd, "");
    return teller.tell_directory(fd, path);
  }
  if (!S_ISREG(mode))
    throw Error(ErrorKind::unsupported,
                "what '" + printable(name.path) + "' leads to is neither a file nor a directory");
  teller.tell_file(std::move(fd), path);
}

void tell_named(const OpenName& open, const CopySource& source, const CoveredPlaces& covered,
                CopyTeller& teller) {
  const CopyName& name = source.name;
  const UniqueFd parent = open(name.parent, O_PATH | O_DIRECTORY);
  require_kept_files(parent, name.path);
  covered.require_seen(parent, "");
  const auto status = try_stat_at(parent, name.base.c_str());
  if (!status) refuse_errno(name.path, ENOENT);
  const bool is_link = S_ISLNK(status->st_mode);
  if (is_link && (source.follows_link || name.must_be_directory))
    return tell_followed(open, name, covered, teller);
  covered.require_seen(parent, name.base.c_str());
  const RelPath path = RelPath::parse(name.base);
  if (S_ISDIR(status->st_mode)) {
    const UniqueFd dir = open_beneath(parent, path, kOpenDir);
    require_kept_files(dir, name.path);
    return teller.tell_directory(dir, path);
  }
  if (name.must_be_directory) refuse_errno(name.path, ENOTDIR);
  if (S_ISSOCK(status->st_mode))
    throw Error(ErrorKind::unsupported, "'" + printable(name.path) + "' is a socket");
  teller.tell({parent, name.base.c_str(), path, *status});
}

} // namespace

OpenName open_on_host() {
  return [](const std::string& name, int flags) { return open_path(name, flags | O_CLOEXEC); };
}

OpenName open_in_container(FdRef root) {
  return [root](const std::string& name, int flags) { return open_in_root(root, name, flags); };
}

void tell_copy(const OpenName& open, const CopySource& source, const CoveredPlaces& covered,
               TreeSink& sink) {
  CopyTeller teller(source, sink);
  if (source.name.base.empty()) {
    const UniqueFd dir = open(source.name.path, kOpenDir);
    require_kept_files(dir, source.name.path);
    covered.require_seen(dir, "");
    teller.tell_directory(dir, RelPath());
  } else {
    tell_named(open, source, covered, teller);
  }
  sink.finish();
}

} // namespace layerbox
