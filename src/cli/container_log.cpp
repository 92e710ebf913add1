#include "cli/container_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/utc_time.hpp"
#include "cli/rotated_lines.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{16} << 10; // of one entry, as the CRI has it
constexpr std::size_t kTimeBytes = sizeof("2026-01-31T23:59:59.123456789Z") - 1;

// The bytes of as many whole entries of `text` as `room` has place for.
std::size_t whole_entries(std::string_view text, std::uint64_t room) {
  if (text.size() <= room) return text.size();
  if (room == 0) return 0;
  const std::size_t last = text.rfind('\n', room - 1);
  return last == std::string_view::npos ? 0 : last + 1;
}

} // namespace

std::string log_entries(LogStream stream, std::string_view bytes, const struct timespec& now) {
  const std::string head = utc_text(now) + (stream == LogStream::out ? " stdout " : " stderr ");
  std::string text;
  while (!bytes.empty()) {
    const std::size_t newline = bytes.substr(0, kMaxLineBytes).find('\n');
    const bool whole = newline != std::string_view::npos;
    const std::string_view line =
        bytes.substr(0, whole ? newline : std::min(bytes.size(), kMaxLineBytes));
    text.append(head).append(whole ? "F " : "P ").append(line).push_back('\n');
    bytes.remove_prefix(line.size() + (whole ? 1 : 0));
  }
  return text;
}

LogWriter::LogWriter(FdRef dir, LogLimits limits) : dir_(dir), limits_(limits) {
  open();
}

void LogWriter::open() {
  file_ = open_beneath(dir_, RelPath::parse(layout::kLog),
                       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  size_ = static_cast<std::uint64_t>(stat_fd(file_).st_size);
  // After the half line of a writer that was killed.
  if (size_ > 0 && ::write(file_.get(), "\n", 1) == 1) ++size_;
}

void LogWriter::rotate() {
  try {
    for (std::uint32_t index = limits_.files - 1; index > 0; --index)
      if (try_stat_at(dir_, rotated_name(layout::kLog, index - 1).c_str()))
        rename_at(dir_, rotated_name(layout::kLog, index - 1).c_str(), dir_,
                  rotated_name(layout::kLog, index).c_str());
    if (limits_.files == 1) unlink_at(dir_, layout::kLog);
    open();
  } catch (const Error&) {
    // The old file stays in use, and full: bounded all the same.
  }
}

void LogWriter::write(LogStream stream, std::string_view bytes) {
  const std::string text = log_entries(stream, bytes, now_utc());
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t fits =
        whole_entries(rest, limits_.file_bytes - std::min(size_, limits_.file_bytes));
    if (fits == 0) {
      rotate();
      fits = whole_entries(rest, limits_.file_bytes - std::min(size_, limits_.file_bytes));
      if (fits == 0) return; // the full file is still the one in use
    }
    if (!append(rest.substr(0, fits))) return;
    rest.remove_prefix(fits);
  }
}

bool LogWriter::append(std::string_view entries) {
  while (!entries.empty()) {
    const ssize_t put = ::write(file_.get(), entries.data(), entries.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    entries.remove_prefix(static_cast<std::size_t>(put));
    size_ += static_cast<std::uint64_t>(put);
  }
  return true;
}

bool parse_log_entry(std::string_view line, LogEntry& entry) {
  constexpr std::size_t kHeadBytes = kTimeBytes + sizeof(" stdout F ") - 1;
  if (line.size() < kHeadBytes || line[kTimeBytes] != ' ' || line[kTimeBytes - 1] != 'Z')
    return false;
  const std::string_view stream = line.substr(kTimeBytes + 1, 7);
  const char tag = line[kTimeBytes + 8];
  if ((stream != "stdout " && stream != "stderr ") || (tag != 'F' && tag != 'P') ||
      line[kHeadBytes - 1] != ' ')
    return false;
  entry.time = line.substr(0, kTimeBytes);
  entry.stream = stream == "stdout " ? LogStream::out : LogStream::error;
  entry.whole = tag == 'F';
  entry.text = line.substr(kHeadBytes);
  return true;
}

} // namespace layerbox
