#include "cli/rotated_lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

constexpr std::uint32_t kMostRotated = 1000;
constexpr std::size_t kReadRotatedBytes = std::size_t{64} << 10;

bool is_same(FdRef a, FdRef b) {
  const struct stat x = stat_fd(a);
  const struct stat y = stat_fd(b);
  return x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

} // namespace

std::string rotated_name(const std::string& name, std::uint32_t index) {
  return index == 0 ? name : fmt::format("{}.{}", name, index);
}

std::optional<UniqueFd> RotatedLines::open(std::uint32_t index) const {
  return try_open_beneath(dir_, RelPath::parse(rotated_name(name_, index)), O_RDONLY | O_CLOEXEC);
}

// The oldest. The newest may be missing for the moment between its renaming and the next line.
bool RotatedLines::open_first() {
  for (std::uint32_t index = 0; index < kMostRotated; ++index) {
    auto file = open(index);
    if (!file && index > 0) break;
    if (file) file_ = std::move(*file);
  }
  return static_cast<bool>(file_);
}

// The file that was begun after ours; nothing when ours is the newest. Ours has another name by
// now, or none when the writer was quick: then what was between is gone, and the oldest that is
// left comes next.
std::optional<UniqueFd> RotatedLines::find_next() const {
  std::optional<UniqueFd> newer;
  for (std::uint32_t index = 0; index < kMostRotated; ++index) {
    auto file = open(index);
    if (!file && index > 0) break;
    if (!file) continue;
    if (is_same(*file, file_)) return newer;
    newer = std::move(file);
  }
  return newer;
}

void RotatedLines::read_file(const std::function<void(std::string_view)>& each) {
  std::array<char, kReadRotatedBytes> buffer;
  for (;;) {
    const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "reading " + name_);
    if (got == 0) return;
    rest_.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t at = 0;
    for (std::size_t end; (end = rest_.find('\n', at)) != std::string::npos; at = end + 1)
      each(std::string_view(rest_).substr(at, end - at));
    rest_.erase(0, at);
  }
}

void RotatedLines::read(const std::function<void(std::string_view)>& each) {
  if (!file_ && !open_first()) return;
  for (;;) {
    read_file(each);
    auto next = find_next();
    if (!next) return;
    read_file(each); // what was written until it was full
    file_ = std::move(*next);
    rest_.clear();
  }
}

} // namespace layerbox
