// log_reader: the entries of a container's log, the oldest first, through the changes of files that
// the writer makes meanwhile.
#pragma once

#include <functional>

#include "base/unique_fd.hpp"
#include "cli/container_log.hpp"
#include "cli/rotated_lines.hpp"
#include "store/layout.hpp"

namespace layerbox {

class LogReader {
 public:
  // `dir` must outlive it.
  explicit LogReader(FdRef dir) : lines_(dir, layout::kLog) {}
  // Calls `each` for what is there and was not read yet. The entry's views end with the call.
  void read(const std::function<void(const LogEntry&)>& each) {
    lines_.read([&](std::string_view line) {
      LogEntry entry;
      if (parse_log_entry(line, entry)) each(entry);
    });
  }

 private:
  RotatedLines lines_;
};

} // namespace layerbox
