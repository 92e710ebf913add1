#include "cli/error_report.hpp"

#include <unistd.h>

#include <cerrno>
#include <new>

#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "cli/exit_code.hpp"

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
  print_error(error.what(), error.hint().empty() ? usual_hint(error.error_number()) : error.hint());
}

int guarded(int status_of_failure, const std::function<int()>& work) noexcept {
  try {
    return work();
  } catch (const UsageError& error) {
    print_error(error);
    return exit_code::kUsage;
  } catch (const Error& error) {
    print_error(error);
  } catch (const std::bad_alloc&) {
    print_error("out of memory", "");
  } catch (const std::exception& error) {
    print_error(error.what(), "");
  }
  return status_of_failure;
}

std::string_view usual_hint(int error_number) noexcept {
  switch (error_number) {
  case EMFILE:
    return "raise the limit of open files: ulimit -n";
  case ENFILE:
    return "as root raise the sysctl fs.file-max";
  case ENOSPC:
    return "make room on that file system; 'layerbox prune', 'layerbox rm' and 'layerbox "
           "volume prune' free what the store does not need";
  case EDQUOT:
    return "the user's quota on that file system is used up";
  case EROFS:
    return "that file system is mounted read-only; --root names another store";
  case EAGAIN:
    return "there may be too many processes: see 'ulimit -u' and the pids.max of the cgroup";
  default:
    return "";
  }
}

} // namespace layerbox
