#include "runner/cgroup_layout.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/fs_at.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxMountinfoBytes = std::size_t{64} << 20;
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

bool contains(const std::vector<std::string_view>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// Space, tab, newline and backslash stand as \ooo in mountinfo.
std::string unescaped(std::string_view field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool escape = field[i] == '\\' && i + 3 < field.size() && is_octal(field[i + 1]) &&
                        is_octal(field[i + 2]) && is_octal(field[i + 3]);
    if (!escape) {
      text += field[i];
      continue;
    }
    text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                              (field[i + 3] - '0'));
    i += 3;
  }
  return text;
}

struct Mount {
  std::string_view id;
  CgroupVersion version = CgroupVersion::v1;
  std::string root; // which directory of the hierarchy is at the mount point
  std::string point;
  std::vector<std::string_view> options; // of the super block
  bool read_only = false;
};

// ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] - TYPE SOURCE SUPER_OPTIONS
std::optional<Mount> parse_mount(std::string_view line) {
  if (line.find(" - cgroup") == std::string_view::npos) return std::nullopt; // most of them
  const std::vector<std::string_view> words = split(line, ' ');
  const auto dash = std::find(words.begin(), words.end(), "-");
  if (dash - words.begin() < 6 || words.end() - dash < 4) return std::nullopt;
  const std::string_view type = *(dash + 1);
  if (type != "cgroup" && type != "cgroup2") return std::nullopt;
  Mount mount;
  mount.id = words[0];
  mount.version = type == "cgroup" ? CgroupVersion::v1 : CgroupVersion::v2;
  mount.root = unescaped(words[3]);
  mount.point = unescaped(words[4]);
  mount.options = split(*(dash + 3), ',');
  mount.read_only = contains(split(words[5], ','), "ro") || contains(mount.options, "ro");
  return mount;
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
           return contains(mount.options, controller);
         });
}

// The tree of all mounts: which of them others lie over. Paths stay escaped, which changes nothing
// about which of them begins with which.
class MountTree {
 public:
  explicit MountTree(const std::vector<std::string_view>& lines) {
    mounts_.reserve(lines.size());
    for (const std::string_view line : lines)
      if (const std::optional<Place> place = parse(line)) mounts_.push_back(*place);
  }

  // Whether a path to it ends in another mount: one on its own root, or one that leads through, on
  // the mount that it or what it is mounted on hangs on. A parent that is not listed covers
  // nothing.
  bool is_covered(std::string_view id) const {
    if (has_on_its_root(id)) return true;
    for (std::size_t steps = 0; steps < mounts_.size(); ++steps) {
      const Place* const place = find(id);
      if (place == nullptr) return false;
      if (is_passed_by(*place)) return true;
      id = place->parent;
    }
    return false;
  }

 private:
  struct Place {
    std::string_view id;
    std::string_view parent;
    std::string_view point;
  };

  static std::optional<Place> parse(std::string_view line) {
    std::array<std::string_view, 5> words; // ID PARENT MAJOR:MINOR ROOT POINT
    for (std::string_view& word : words) {
      const std::size_t end = line.find(' ');
      if (end == std::string_view::npos) return std::nullopt;
      word = line.substr(0, end);
      line.remove_prefix(end + 1);
    }
    return Place{words[0], words[1], words[4]};
  }

  const Place* find(std::string_view id) const {
    const auto found = std::find_if(mounts_.begin(), mounts_.end(),
                                    [&](const Place& place) { return place.id == id; });
    return found == mounts_.end() ? nullptr : &*found;
  }

  bool has_on_its_root(std::string_view id) const {
    const Place* const place = find(id);
    return place != nullptr && std::any_of(mounts_.begin(), mounts_.end(), [&](const Place& other) {
             return other.parent == id && other.point == place->point;
           });
  }

  bool is_passed_by(const Place& place) const {
    return std::any_of(mounts_.begin(), mounts_.end(), [&](const Place& other) {
      return other.parent == place.parent && leads_through(place.point, other.point);
    });
  }

  static bool leads_through(std::string_view point, std::string_view other) {
    return point.size() > other.size() && point.starts_with(other) &&
           (other == "/" || point[other.size()] == '/');
  }

  std::vector<Place> mounts_;
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
  const std::vector<std::string_view> lines = split(mountinfo, '\n');
  const MountTree tree(lines);
  std::vector<Mount> mounts;
  for (const std::string_view line : lines)
    if (auto mount = parse_mount(line); mount && !tree.is_covered(mount->id))
      mounts.push_back(std::move(*mount));
  CgroupLayout layout;
  for (const std::string_view line : split(proc_cgroup, '\n'))
    if (auto hierarchy = find_hierarchy(mounts, line))
      layout.hierarchies.push_back(std::move(*hierarchy));
  return layout;
}

CgroupLayout read_cgroup_layout() {
  return parse_cgroup_layout(read_proc("/proc/self/mountinfo", kMaxMountinfoBytes),
                             read_proc("/proc/self/cgroup", kMaxProcCgroupBytes));
}

CgroupLayout read_cgroup_layout_of(pid_t pid) {
  const std::string file = "/proc/" + std::to_string(pid) + "/cgroup";
  return parse_cgroup_layout(read_proc("/proc/self/mountinfo", kMaxMountinfoBytes),
                             read_proc(file.c_str(), kMaxProcCgroupBytes));
}

} // namespace layerbox
