// container_log: what a detached container wrote, in files of bounded size.
//
// The format is that of the Kubernetes container runtime interface, which log collectors read:
//
//     2026-01-31T23:59:59.123456789Z stdout F a whole line
//     2026-01-31T23:59:59.123456789Z stderr P the beginning of one
//
// Lines are written as they come; nothing is held back, so that a killed writer loses nothing. When
// the file is full it becomes log.1, log.1 becomes log.2, and so on; the last one goes.
#pragma once

#include <time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace layerbox {

enum class LogStream : std::uint8_t { out, error };

struct LogLimits {
  std::uint64_t file_bytes = std::uint64_t{10} << 20;
  std::uint32_t files = 2; // at least 1
};

// Pure: the entries for `bytes`, of which a last part without a newline is the beginning of a line.
std::string log_entries(LogStream stream, std::string_view bytes, const struct timespec& now);

class LogWriter {
 public:
  // `dir` must outlive it. Throws Error.
  LogWriter(FdRef dir, LogLimits limits);
  // What cannot be written is lost, and the container goes on. Never throws for that.
  void write(LogStream stream, std::string_view bytes);

 private:
  void open();
  void rotate();
  bool append(std::string_view entries);

  FdRef dir_;
  LogLimits limits_;
  UniqueFd file_;
  std::uint64_t size_ = 0;
};

struct LogEntry {
  std::string_view time; // RFC 3339 with nanoseconds
  LogStream stream = LogStream::out;
  bool whole = true; // the line ends here
  std::string_view text;
};

// Reads one line of the file, without its newline. False for what is no entry: a writer was killed
// in the middle of it.
bool parse_log_entry(std::string_view line, LogEntry& entry);

} // namespace layerbox
