#include "layers/tree/dir_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <map>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/tree/overlay_dialect.hpp"
#include "layers/tree/tell_node.hpp"

namespace layerbox {
namespace {

class Teller {
 public:
  explicit Teller(TreeSink& sink) : sink_(sink) {}

  WalkStep tell(const WalkEntry& entry) {
    const mode_t mode = entry.status.st_mode;
    if (is_whiteout_node(entry.status))
      sink_.whiteout(entry.path);
    else if (S_ISDIR(mode))
      tell_directory(entry);
    else if (S_ISSOCK(mode))
      return WalkStep::skip;
    else
      tell_file(entry);
    return WalkStep::into;
  }

 private:
  void tell_directory(const WalkEntry& entry) {
    sink_.directory(entry.path, read_metadata(entry.dir, entry.name, entry.status));
    const UniqueFd fd =
        open_beneath(entry.dir, RelPath::parse(entry.name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (is_opaque_dir(fd)) sink_.opaque(entry.path);
  }

  void tell_file(const WalkEntry& entry) {
    const Metadata metadata = read_metadata(entry.dir, entry.name, entry.status);
    if (entry.status.st_nlink > 1) {
      const auto [first, is_first] =
          links_.try_emplace({entry.status.st_dev, entry.status.st_ino}, entry.path);
      if (!is_first) return sink_.hardlink(entry.path, metadata, first->second);
    }
    tell_node({entry.dir, entry.name, entry.path, entry.status}, metadata, sink_);
  }

  TreeSink& sink_;
  std::map<std::pair<dev_t, ino_t>, RelPath> links_;
};

} // namespace

bool is_opaque_dir(FdRef dir, Dialect dialect) {
  char value = 0;
  const ssize_t size = ::fgetxattr(
      dir.get(), dialect == Dialect::overlay ? kOpaqueXattr : kFuseOpaqueXattr, &value, 1);
  if (size >= 0) return size == 1 && value == 'y';
  const int e = errno;
  if (e == ENODATA || e == EOPNOTSUPP || e == ERANGE) return false;
  throw_errno(e, "read the opaque mark of a directory");
}

Metadata read_metadata(FdRef dir, const char* name, const struct stat& status) {
  Metadata metadata;
  metadata.uid = status.st_uid;
  metadata.gid = status.st_gid;
  metadata.mode = status.st_mode & 07777;
  metadata.mtime = {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
  metadata.xattrs = read_xattrs(dir, name);
  std::erase_if(metadata.xattrs, [](const auto& item) { return is_overlay_xattr(item.first); });
  return metadata;
}

void read_directory(FdRef top, TreeSink& sink) {
  sink.directory(RelPath(), read_metadata(top, "", stat_fd(top)));
  if (is_opaque_dir(top)) sink.opaque(RelPath());
  Teller teller(sink);
  walk(top, [&teller](const WalkEntry& entry) { return teller.tell(entry); });
  sink.finish();
}

} // namespace layerbox
