// rotated_lines: the lines of a file that its writer renames when it is full: NAME becomes NAME.1,
// which was NAME.2, and so on. The oldest come first, and the changes of files that the writer
// makes meanwhile neither lose a line nor repeat one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace layerbox {

// "log", "log.1", …
std::string rotated_name(const std::string& name, std::uint32_t index);

class RotatedLines {
 public:
  // `dir` must outlive it.
  RotatedLines(FdRef dir, std::string name) : dir_(dir), name_(std::move(name)) {}
  // Calls `each` for the lines that are there and were not read yet, without their newlines.
  void read(const std::function<void(std::string_view)>& each);

 private:
  std::optional<UniqueFd> open(std::uint32_t index) const;
  bool open_first();
  std::optional<UniqueFd> find_next() const;
  void read_file(const std::function<void(std::string_view)>& each);

  FdRef dir_;
  std::string name_;
  UniqueFd file_;
  std::string rest_; // the beginning of a line that is not there yet
};

} // namespace layerbox
