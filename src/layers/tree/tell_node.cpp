#include "layers/tree/tell_node.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tree/file_regions.hpp"

namespace layerbox {
namespace {

Special special_of(const struct stat& status) {
  const SpecialType type = S_ISFIFO(status.st_mode)  ? SpecialType::fifo
                           : S_ISCHR(status.st_mode) ? SpecialType::character_device
                                                     : SpecialType::block_device;
  if (type == SpecialType::fifo) return {type, 0, 0};
  return {type, ::major(status.st_rdev), ::minor(status.st_rdev)};
}

} // namespace

std::string read_symlink(FdRef dir, const char* name, const RelPath& path) {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = ::readlinkat(dir.get(), name, buffer.data(), buffer.size());
  if (size < 0) throw_errno(errno, "read symlink '" + printable(path.str()) + "'");
  return {buffer.data(), static_cast<std::size_t>(size)};
}

OpenedFile open_regular_file(const NodeAt& node) {
  OpenedFile file;
  file.fd = open_beneath(node.dir, RelPath::parse(node.name),
                         O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  file.status = stat_fd(file.fd);
  if (!S_ISREG(file.status.st_mode))
    throw Error(ErrorKind::not_found,
                "'" + printable(node.path.str()) +
                    "' became another kind of file while it was read",
                ENOENT);
  return file;
}

void tell_node(const NodeAt& node, const Metadata& metadata, TreeSink& sink) {
  if (S_ISLNK(node.status.st_mode)) {
    sink.symlink(node.path, metadata, read_symlink(node.dir, node.name, node.path));
  } else if (S_ISREG(node.status.st_mode)) {
    OpenedFile file = open_regular_file(node);
    FileRegions regions(std::move(file.fd), node.path, file.status);
    sink.file(node.path, metadata, static_cast<std::uint64_t>(file.status.st_size), regions);
  } else {
    sink.special(node.path, metadata, special_of(node.status));
  }
}

} // namespace layerbox
