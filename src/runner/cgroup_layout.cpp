#include "runner/cgroup_layout.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "base/fs_at.hpp"
#include "base/mount_table.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxProcCgroupBytes = std::size_t{1} << 20;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

struct Mount {
  CgroupVersion version = CgroupVersion::v1;
  std::string root;
  std::string point;
  std::string_view options; // of the super block
  bool read_only = false;
};

Mount mount_of(const MountEntry& entry) {
  return {.version = entry.type == "cgroup" ? CgroupVersion::v1 : CgroupVersion::v2,
          .root = unescape_mount_field(entry.root),
          .point = unescape_mount_field(entry.point),
          .options = entry.of_system,
          .read_only = has_word(entry.options, "ro") || has_word(entry.of_system, "ro")};
}

// Where the mount shows the cgroup `path` of its hierarchy; "" where it does not.
std::string place_in(const Mount& mount, const std::string& path) {
  if (path.starts_with("/..")) return ""; // above the root of our cgroup namespace
  const std::string root = mount.root == "/" ? "" : mount.root;
  if (path == "/" && root.empty()) return mount.point;
  if (!path.starts_with(root)) return "";
  const std::string rest = path.substr(root.size());
  if (!rest.empty() && rest.front() != '/') return "";
  return rest == "/" ? mount.point : mount.point + rest;
}

bool shows(const Mount& mount, const std::vector<std::string_view>& controllers) {
  if (controllers.empty()) return mount.version == CgroupVersion::v2;
  return mount.version == CgroupVersion::v1 &&
         std::all_of(controllers.begin(), controllers.end(), [&](std::string_view controller) {
           return has_word(mount.options, controller);
         });
}

// The tree of all mounts: which of them others lie over.
class MountTree {
 public:
  explicit MountTree(const std::vector<MountEntry>& mounts) : mounts_(mounts) {}

  // Whether a path to it ends in another mount: one on its own root, or one that leads through, on
  // the mount that it or what it is mounted on hangs on. A parent that is not listed covers
  // nothing.
  bool is_covered(const MountEntry& mount) const {
    if (has_on_its_root(mount)) return true;
    const MountEntry* way = &mount;
    for (std::size_t steps = 0; steps < mounts_.size() && way != nullptr; ++steps) {
      if (is_passed_by(*way)) return true;
      way = find_mount(mounts_, way->parent);
    }
    return false;
  }

 private:
  bool has_on_its_root(const MountEntry& mount) const {
    return std::any_of(mounts_.begin(), mounts_.end(), [&](const MountEntry& other) {
      return other.parent == mount.id && other.point == mount.point;
    });
  }

  bool is_passed_by(const MountEntry& mount) const {
    return std::any_of(mounts_.begin(), mounts_.end(), [&](const MountEntry& other) {
      return other.parent == mount.parent && leads_through(mount.point, other.point);
    });
  }

  static bool leads_through(std::string_view point, std::string_view other) {
    return point.size() > other.size() && point.starts_with(other) &&
           (other == "/" || point[other.size()] == '/');
  }

  const std::vector<MountEntry>& mounts_;
};

bool is_usable(const CgroupHierarchy& hierarchy) {
  return !hierarchy.read_only && !hierarchy.own.empty();
}

// One line of /proc/self/cgroup: ID:CONTROLLER,…:PATH.
std::optional<CgroupHierarchy> find_hierarchy(const std::vector<Mount>& mounts,
                                              std::string_view line) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view names = line.substr(first + 1, second - first - 1);
  const std::vector<std::string_view> controllers =
      names.empty() ? std::vector<std::string_view>() : split(names, ',');
  const std::string path(line.substr(second + 1));
  std::optional<CgroupHierarchy> found;
  for (const Mount& mount : mounts) {
    if (!shows(mount, controllers)) continue;
    CgroupHierarchy candidate{mount.version,
                              {controllers.begin(), controllers.end()},
                              mount.point,
                              place_in(mount, path),
                              mount.read_only};
    if (is_usable(candidate)) return candidate;
    if (!found) found = std::move(candidate);
  }
  return found;
}

std::string read_proc(const char* path, std::size_t max_bytes) {
  const UniqueFd file = open_path(path, O_RDONLY);
  FdSource source(file, path);
  return read_all(source, max_bytes, path);
}

} // namespace

const CgroupHierarchy* CgroupLayout::v1_with(std::string_view controller) const {
  const auto found = std::find_if(hierarchies.begin(), hierarchies.end(), [&](const auto& one) {
    return one.version == CgroupVersion::v1 &&
           std::find(one.controllers.begin(), one.controllers.end(), controller) !=
               one.controllers.end();
  });
  return found == hierarchies.end() ? nullptr : &*found;
}

const CgroupHierarchy* CgroupLayout::v2() const {
  const auto found = std::find_if(hierarchies.begin(), hierarchies.end(),
                                  [](const auto& one) { return one.version == CgroupVersion::v2; });
  return found == hierarchies.end() ? nullptr : &*found;
}

CgroupLayout parse_cgroup_layout(std::string_view mountinfo, std::string_view proc_cgroup) {
  const std::vector<MountEntry> entries = parse_mount_table(mountinfo);
  const MountTree tree(entries);
  std::vector<Mount> mounts;
  for (const MountEntry& entry : entries)
    if ((entry.type == "cgroup" || entry.type == "cgroup2") && !tree.is_covered(entry))
      mounts.push_back(mount_of(entry));
  CgroupLayout layout;
  for (const std::string_view line : split(proc_cgroup, '\n'))
    if (auto hierarchy = find_hierarchy(mounts, line))
      layout.hierarchies.push_back(std::move(*hierarchy));
  return layout;
}

CgroupLayout read_cgroup_layout() {
  return parse_cgroup_layout(read_mount_table(),
                             read_proc("/proc/self/cgroup", kMaxProcCgroupBytes));
}

CgroupLayout read_cgroup_layout_of(pid_t pid) {
  const std::string file = "/proc/" + std::to_string(pid) + "/cgroup";
  return parse_cgroup_layout(read_mount_table(), read_proc(file.c_str(), kMaxProcCgroupBytes));
}

} // namespace layerbox
