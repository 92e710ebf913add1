#include "cli/log_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

constexpr std::uint32_t kMostLogFiles = 1000;
constexpr std::size_t kReadLogBytes = std::size_t{64} << 10;

std::optional<UniqueFd> open_log(FdRef dir, std::uint32_t index) {
  return try_open_beneath(dir, RelPath::parse(log_file_name(index)), O_RDONLY | O_CLOEXEC);
}

bool is_same(FdRef a, FdRef b) {
  const struct stat x = stat_fd(a);
  const struct stat y = stat_fd(b);
  return x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

} // namespace

bool LogReader::open_first() {
  for (std::uint32_t index = 0; index < kMostLogFiles; ++index) {
    auto file = open_log(dir_, index);
    if (!file) return static_cast<bool>(file_);
    file_ = std::move(*file);
  }
  return true;
}

// The file that was begun after ours; false when ours is the newest. Ours has another name by now,
// or none when the writer was quick: then what was between is gone, and the oldest that is left
// comes next.
bool LogReader::open_next() {
  std::optional<UniqueFd> newer;
  for (std::uint32_t index = 0; index < kMostLogFiles; ++index) {
    auto file = open_log(dir_, index);
    if (!file) break;
    if (is_same(*file, file_)) {
      if (!newer) return false;
      break;
    }
    newer = std::move(file);
  }
  if (!newer) return false;
  file_ = std::move(*newer);
  rest_.clear();
  return true;
}

void LogReader::read_file(const std::function<void(const LogEntry&)>& each) {
  std::array<char, kReadLogBytes> buffer;
  for (;;) {
    const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "reading the log");
    if (got == 0) return;
    rest_.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t at = 0;
    for (std::size_t end; (end = rest_.find('\n', at)) != std::string::npos; at = end + 1) {
      LogEntry entry;
      if (parse_log_entry(std::string_view(rest_).substr(at, end - at), entry)) each(entry);
    }
    rest_.erase(0, at);
  }
}

void LogReader::read(const std::function<void(const LogEntry&)>& each) {
  if (!file_ && !open_first()) return;
  do
    read_file(each);
  while (open_next());
}

} // namespace layerbox
