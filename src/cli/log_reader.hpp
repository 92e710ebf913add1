// log_reader: the entries of a container's log, the oldest first, through the changes of files that
// the writer makes meanwhile.
#pragma once

#include <functional>
#include <string>

#include "base/unique_fd.hpp"
#include "cli/container_log.hpp"

namespace layerbox {

class LogReader {
 public:
  // `dir` must outlive it.
  explicit LogReader(FdRef dir) : dir_(dir) {}
  // Calls `each` for what is there and was not read yet. The entry's views end with the call.
  void read(const std::function<void(const LogEntry&)>& each);

 private:
  bool open_first();
  bool open_next();
  void read_file(const std::function<void(const LogEntry&)>& each);

  FdRef dir_;
  UniqueFd file_;
  std::string rest_; // the beginning of a line that is not there yet
};

} // namespace layerbox
