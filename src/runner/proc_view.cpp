#include "runner/proc_view.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "runner/cgroup_files.hpp"

namespace layerbox {
namespace {

constexpr const char* kMountTable = "/proc/self/mountinfo";
constexpr std::size_t kMaxMountTableBytes = std::size_t{64} << 20;
constexpr std::string_view kProc = "/proc";

// Directories that the kernel keeps empty for others to mount on (proc_create_mount_point()).
constexpr std::array<std::string_view, 3> kAlwaysEmpty = {"/proc/sys/fs/binfmt_misc",
                                                          "/proc/fs/nfsd", "/proc/openprom"};

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

bool has_option(std::string_view options, std::string_view word) {
  while (!options.empty()) {
    const std::size_t end = std::min(options.find(','), options.size());
    if (options.substr(0, end) == word) return true;
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return false;
}

} // namespace

ProcView parse_proc_view(std::string_view mountinfo) {
  constexpr std::size_t kPoint = 4; // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS …
  constexpr std::size_t kOptions = 5;
  ProcView view;
  view.is_mounted = false;
  while (!mountinfo.empty()) {
    const std::vector<std::string> words = words_of(take_line(mountinfo));
    if (words.size() <= kOptions) continue;
    const std::string& point = words[kPoint];
    if (point == kProc) {
      const auto dash = std::find(words.begin(), words.end(), "-");
      view.is_mounted = words.end() - dash > 1 && *(dash + 1) == "proc";
      view.is_read_only = has_option(words[kOptions], "ro");
      view.covered.clear(); // what is below the last one mounted there is out of sight
    } else if (point.starts_with("/proc/") &&
               std::find(kAlwaysEmpty.begin(), kAlwaysEmpty.end(), point) == kAlwaysEmpty.end() &&
               std::find(view.covered.begin(), view.covered.end(), point) == view.covered.end()) {
      view.covered.push_back(point);
    }
  }
  return view;
}

ProcView proc_view() noexcept {
  try {
    const UniqueFd table = open_path(kMountTable, O_RDONLY);
    FdSource source(table, kMountTable);
    return parse_proc_view(read_all(source, kMaxMountTableBytes, kMountTable));
  } catch (const std::exception&) {
    return {};
  }
}

std::string proc_view_fault(const ProcView& view) {
  if (!view.is_mounted) return "there is no /proc here";
  if (view.covered.empty()) return view.is_read_only ? "'/proc' is mounted read-only" : "";
  const std::size_t others = view.covered.size() - 1;
  if (others == 0) return fmt::format("'{}' is covered", printable(view.covered.front()));
  return fmt::format("'{}' and {} other place{} of it are covered", printable(view.covered.front()),
                     others, others == 1 ? "" : "s");
}

} // namespace layerbox
