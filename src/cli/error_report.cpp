#include "cli/error_report.hpp"

#include <unistd.h>

#include "base/rel_path.hpp"
#include "base/stream.hpp"

namespace layerbox {

std::string error_report(std::string_view message, std::string_view hint) {
  std::string report = "layerbox: error: " + printable(message) + '\n';
  if (!hint.empty()) report += "hint: " + printable(hint) + '\n';
  return report;
}

void print_error(std::string_view message, std::string_view hint) noexcept {
  try {
    const std::string report = error_report(message, hint);
    write_all(FdRef(STDERR_FILENO), std::as_bytes(std::span(report)), "standard error");
  } catch (...) {
    // There is nobody left to tell.
  }
}

void print_note(std::string_view message) noexcept {
  try {
    const std::string line = "layerbox: " + printable(message) + '\n';
    write_all(FdRef(STDERR_FILENO), std::as_bytes(std::span(line)), "standard error");
  } catch (...) {
    // There is nobody left to tell.
  }
}

void print_error(const Error& error) noexcept {
  print_error(error.what(), error.hint());
}

} // namespace layerbox
