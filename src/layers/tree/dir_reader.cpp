#include "layers/tree/dir_reader.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/tree/overlay_dialect.hpp"

namespace layerbox {
namespace {

// The data of an open file between its holes (lseek(2), SEEK_DATA).
class FileRegions : public FileContent {
 public:
  FileRegions(UniqueFd fd, const RelPath& path, const struct stat& status)
      : fd_(std::move(fd)), path_(path), size_(static_cast<std::uint64_t>(status.st_size)),
        dense_(status.st_blocks * 512 >= status.st_size), buffer_(kBufferBytes) {}

  Region next() override {
    if (at_ == region_end_ && !find_region()) return {};
    const std::size_t want =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), region_end_ - at_));
    const ssize_t got = ::pread(fd_.get(), buffer_.data(), want, static_cast<off_t>(at_));
    if (got < 0) throw_errno(errno, "read '" + printable(path_.str()) + "'");
    if (got == 0)
      throw Error(ErrorKind::corrupt, "'" + printable(path_.str()) + "' shrank while it was read");
    const Region region{std::span(buffer_).first(static_cast<std::size_t>(got)), at_};
    at_ += static_cast<std::uint64_t>(got);
    return region;
  }

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

  bool find_region() {
    if (at_ >= size_) return false;
    if (dense_) {
      region_end_ = size_;
      return true;
    }
    const off_t data = ::lseek(fd_.get(), static_cast<off_t>(at_), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return false; // a hole to the end
    const off_t hole = data < 0 ? -1 : ::lseek(fd_.get(), data, SEEK_HOLE);
    if (hole < 0) { // a file system that knows no holes
      dense_ = true;
      return find_region();
    }
    at_ = static_cast<std::uint64_t>(data);
    region_end_ = static_cast<std::uint64_t>(hole);
    return true;
  }

  UniqueFd fd_;
  const RelPath& path_;
  std::uint64_t size_;
  bool dense_;
  std::vector<std::byte> buffer_;
  std::uint64_t at_ = 0;
  std::uint64_t region_end_ = 0;
};

std::string read_link(FdRef dir, const char* name, const RelPath& path) {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = ::readlinkat(dir.get(), name, buffer.data(), buffer.size());
  if (size < 0) throw_errno(errno, "read symlink '" + printable(path.str()) + "'");
  return {buffer.data(), static_cast<std::size_t>(size)};
}

Special special_of(const struct stat& status) {
  const SpecialType type = S_ISFIFO(status.st_mode)  ? SpecialType::fifo
                           : S_ISCHR(status.st_mode) ? SpecialType::character_device
                                                     : SpecialType::block_device;
  if (type == SpecialType::fifo) return {type, 0, 0};
  return {type, ::major(status.st_rdev), ::minor(status.st_rdev)};
}

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
    else if (!is_later_link(entry))
      tell_node(entry);
    return WalkStep::into;
  }

 private:
  void tell_directory(const WalkEntry& entry) {
    sink_.directory(entry.path, read_metadata(entry.dir, entry.name, entry.status));
    const UniqueFd fd =
        open_beneath(entry.dir, RelPath::parse(entry.name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (is_opaque_dir(fd)) sink_.opaque(entry.path);
  }

  bool is_later_link(const WalkEntry& entry) {
    if (entry.status.st_nlink < 2) return false;
    const auto [first, is_first] =
        links_.try_emplace({entry.status.st_dev, entry.status.st_ino}, entry.path);
    if (!is_first) sink_.hardlink(entry.path, first->second);
    return !is_first;
  }

  void tell_node(const WalkEntry& entry) {
    const Metadata metadata = read_metadata(entry.dir, entry.name, entry.status);
    if (S_ISLNK(entry.status.st_mode)) {
      sink_.symlink(entry.path, metadata, read_link(entry.dir, entry.name, entry.path));
    } else if (S_ISREG(entry.status.st_mode)) {
      UniqueFd fd =
          open_beneath(entry.dir, RelPath::parse(entry.name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
      FileRegions regions(std::move(fd), entry.path, entry.status);
      sink_.file(entry.path, metadata, static_cast<std::uint64_t>(entry.status.st_size), regions);
    } else {
      sink_.special(entry.path, metadata, special_of(entry.status));
    }
  }

  TreeSink& sink_;
  std::map<std::pair<dev_t, ino_t>, RelPath> links_;
};

} // namespace

bool is_opaque_dir(FdRef dir) {
  char value = 0;
  const ssize_t size = ::fgetxattr(dir.get(), kOpaqueXattr, &value, 1);
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
