#include "layers/tar/replaced_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"

namespace layerbox {
namespace {

constexpr const char* kShadow = "replaced";
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

// One of mode 0, say, where the reader is not root. Other names of it may stay in the tree.
UniqueFd open_unreadable(FdRef dir, const std::string& name) {
  const auto status = try_stat_at(dir, name.c_str());
  const mode_t mode = status ? status->st_mode & 07777 : 0;
  if (::fchmodat(dir.get(), name.c_str(), mode | S_IRUSR, 0) != 0)
    throw_errno(errno, "set the mode of '" + name + "'");
  UniqueFd fd = open_beneath(dir, RelPath::parse(name), O_RDONLY | O_CLOEXEC);
  if (::fchmod(fd.get(), mode) != 0) throw_errno(errno, "set the mode of '" + name + "'");
  return fd;
}

UniqueFd open_replaced(FdRef dir, const std::string& name) {
  try {
    return open_beneath(dir, RelPath::parse(name), O_RDONLY | O_CLOEXEC);
  } catch (const Error& error) {
    if (error.error_number() != EACCES) throw;
  }
  return open_unreadable(dir, name);
}

} // namespace

void ReplacedFiles::take(FdRef dir, const char* name, const RelPath& path,
                         const struct stat& status, std::uint64_t contents) {
  if (status.st_size == 0) return unlink_at(dir, name); // nothing to remember
  if (++count_ > max_)
    throw Error(ErrorKind::limit_exceeded,
                "the archive replaces more than " + std::to_string(max_) + " of its own files");
  if (!shadow_) shadow_ = make_or_open_dir_at(layer_, kShadow, 0700);
  rename_at(dir, name, shadow_, std::to_string(count_).c_str());
  notes_[sha256(path.str())].push_back({contents, count_});
}

void ReplacedFiles::settle(RecordReader& from, RecordWriter& to) {
  std::uint64_t index = 0;
  for (;;) {
    const RecordItem& item = from.next();
    if (item.kind == RecordKind::end) return to.finish(item.digest, item.size_bytes);
    if (item.kind == RecordKind::content) {
      ++index;
      const auto found = notes_.find(sha256(item.path.str()));
      if (found != notes_.end()) {
        // The first move of this path after its content was written is the move of that content.
        const auto note = std::lower_bound(
            found->second.begin(), found->second.end(), index,
            [](const Note& n, std::uint64_t wanted) { return n.contents < wanted; });
        if (note != found->second.end()) {
          put_raw(note->number, item, to);
          continue;
        }
      }
    }
    to.copy(item);
  }
}

void ReplacedFiles::put_raw(std::uint64_t number, const RecordItem& item, RecordWriter& to) {
  const std::string name = std::to_string(number);
  const UniqueFd fd = open_replaced(shadow_, name);
  std::vector<std::byte> buffer(kReadBytes);
  for (const RecordRegion& region : item.regions) {
    FileRangeSource range(fd, region.offset, region.length, name);
    while (const std::size_t got = range.read(buffer))
      to.raw(std::span<const std::byte>(buffer).first(got));
  }
}

void ReplacedFiles::remove() {
  remove_tree(layer_, kShadow);
}

} // namespace layerbox
