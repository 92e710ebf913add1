#include "runner/proc_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/mount_table.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kProc = "/proc";

// Directories that the kernel keeps empty for others to mount on (proc_create_mount_point()).
constexpr std::array<std::string_view, 3> kAlwaysEmpty = {"/proc/sys/fs/binfmt_misc",
                                                          "/proc/fs/nfsd", "/proc/openprom"};

} // namespace

ProcView parse_proc_view(std::string_view mountinfo) {
  ProcView view;
  view.is_mounted = false;
  for (const MountEntry& mount : parse_mount_table(mountinfo)) {
    const std::string_view point = mount.point;
    if (point == kProc) {
      view.is_mounted = mount.type == "proc";
      view.is_read_only = has_word(mount.options, "ro");
      view.covered.clear(); // what is below the last one mounted there is out of sight
    } else if (point.starts_with("/proc/") &&
               std::find(kAlwaysEmpty.begin(), kAlwaysEmpty.end(), point) == kAlwaysEmpty.end() &&
               std::find(view.covered.begin(), view.covered.end(), point) == view.covered.end()) {
      view.covered.emplace_back(point);
    }
  }
  return view;
}

ProcView proc_view() noexcept {
  try {
    return parse_proc_view(read_mount_table());
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
