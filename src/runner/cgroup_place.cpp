#include "runner/cgroup_place.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/cgroup_end.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "runner/cgroup_files.hpp"
#include "runner/cgroup_v1.hpp"
#include "runner/cgroup_v2.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxCandidates = 64; // cgroups from our own up
constexpr std::size_t kMaxProcsBytes = std::size_t{64} << 20;

std::string read_file_of(const std::string& directory, const char* file,
                         std::size_t max_bytes = kMaxFileBytes) {
  const UniqueFd top = open_path("/", O_PATH | O_DIRECTORY);
  const RelPath path = RelPath::parse(directory).child(file);
  std::string text =
      with_context([&] { return fmt::format("the cgroup '{}'", printable(directory)); },
                   [&] { return read_small_file(top, path, max_bytes); });
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text;
}

bool may_write(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

bool is_there(const std::string& directory) {
  struct stat status {};
  return ::lstat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

[[noreturn]] void refuse_absent(const CgroupWrite& write) {
  Error error(ErrorKind::unsupported,
              fmt::format("setting {}: there is no cgroup controller '{}' here", write.purpose,
                          write.controller));
  error.set_hint("it may be disabled on the kernel's command line (cgroup_disable=), or its "
                 "hierarchy not be mounted: see /proc/cgroups and /sys/fs/cgroup");
  throw error;
}

[[noreturn]] void refuse_v2(const CgroupWrite& write, const std::vector<V2Candidate>& candidates) {
  const bool has_it = write.file.empty() || // the list of devices
                      std::any_of(candidates.begin(), candidates.end(), [&](const auto& one) {
                        return std::find(one.available.begin(), one.available.end(),
                                         write.controller) != one.available.end();
                      });
  if (!has_it) refuse_absent(write);
  Error error(ErrorKind::permission_denied,
              fmt::format("setting {}: no cgroup from '{}' up can {}", write.purpose,
                          printable(candidates.front().path),
                          write.file.empty() ? "be given a container's"
                                             : fmt::format("hand the controller '{}' down to a "
                                                           "container",
                                                           write.controller)));
  const char* user = ::geteuid() == 0 ? "" : "--user ";
  const bool is_shut = candidates.front().may_make && !candidates.front().may_enter;
  if (is_shut)
    error.set_hint(fmt::format(
        "this process may not leave its own cgroup for that one, and neither may what it starts: "
        "start layerbox below it, as 'systemd-run {}--scope -p Delegate=yes layerbox run …' does",
        user));
  else
    error.set_hint(fmt::format("a cgroup of its own has it: 'systemd-run {}--scope -p Delegate=yes "
                               "layerbox run …'; or name a cgroup with --cgroup-parent",
                               user));
  throw error;
}

// Where the cgroup `path` ("/a/b") of a hierarchy is.
std::string below(const CgroupHierarchy& hierarchy, const std::string& path) {
  const std::string relative = RelPath::parse(path).str();
  return relative.empty() ? hierarchy.mount_point : hierarchy.mount_point + "/" + relative;
}

[[noreturn]] void refuse_read_only(const CgroupHierarchy& hierarchy, std::string_view purpose) {
  Error error(ErrorKind::permission_denied,
              fmt::format("setting {}: the cgroup file system '{}' is mounted read-only", purpose,
                          printable(hierarchy.mount_point)),
              EROFS);
  error.set_hint("layerbox may be inside a container that was given no cgroup to write to");
  throw error;
}

// The directory that --cgroup-parent, or else the caller's own cgroup, is in `hierarchy`.
std::string parent_in(const CgroupHierarchy& hierarchy, const std::string& cgroup_parent,
                      std::string_view purpose) {
  if (hierarchy.read_only) refuse_read_only(hierarchy, purpose);
  if (!cgroup_parent.empty()) return below(hierarchy, cgroup_parent);
  if (!hierarchy.own.empty()) return hierarchy.own;
  Error error(ErrorKind::unsupported,
              fmt::format("setting {}: the cgroup of this process is not below '{}'", purpose,
                          printable(hierarchy.mount_point)));
  error.set_hint("layerbox may be inside a container that does not see its own cgroups; "
                 "--cgroup-parent names one that it does see");
  throw error;
}

// The nearest directory that has both of these below it, or is one of them.
std::string common_directory(const std::string& a, const std::string& b) {
  std::size_t end = 0; // of what is common, whole names only
  for (std::size_t i = 0; i <= std::min(a.size(), b.size()); ++i) {
    const bool ends = (i == a.size() || a[i] == '/') && (i == b.size() || b[i] == '/');
    if (ends) end = i;
    if (i == a.size() || i == b.size() || a[i] != b[i]) break;
  }
  return a.substr(0, end);
}

// Whoever goes into a cgroup of version 2, or is born there, must be let through the nearest one
// that it has in common with where he is.
bool may_enter(const CgroupHierarchy& hierarchy, const std::string& path) {
  return hierarchy.version == CgroupVersion::v1 || hierarchy.own.empty() ||
         may_write(common_directory(hierarchy.own, path) + "/cgroup.procs");
}

V2Candidate look_at(const std::string& path, const CgroupHierarchy& hierarchy) {
  V2Candidate candidate;
  candidate.path = path;
  candidate.available = words_of(read_file_of(path, "cgroup.controllers"));
  candidate.handed_down = words_of(read_file_of(path, "cgroup.subtree_control"));
  // The root of the hierarchy, and it alone, has no cgroup.type.
  candidate.is_root = ::access((path + "/cgroup.type").c_str(), F_OK) != 0;
  candidate.has_processes = !read_file_of(path, "cgroup.procs", kMaxProcsBytes).empty();
  candidate.may_make = may_write(path);
  candidate.may_enter = may_enter(hierarchy, path);
  candidate.may_enable = may_write(path + "/cgroup.subtree_control");
  return candidate;
}

std::vector<V2Candidate> v2_candidates(const CgroupHierarchy& hierarchy,
                                       const std::string& cgroup_parent, std::string_view purpose) {
  std::string path = parent_in(hierarchy, cgroup_parent, purpose);
  if (!cgroup_parent.empty() && !is_there(path)) {
    Error error(ErrorKind::not_found, fmt::format("setting {}: --cgroup-parent: there is no cgroup "
                                                  "'{}'",
                                                  purpose, printable(path)));
    error.set_hint(fmt::format("'mkdir {}' makes it", printable(path)));
    throw error;
  }
  std::vector<V2Candidate> candidates;
  for (;;) {
    candidates.push_back(look_at(path, hierarchy));
    const bool last = !cgroup_parent.empty() || path.size() <= hierarchy.mount_point.size();
    if (last || candidates.size() == kMaxCandidates) return candidates;
    path.resize(path.rfind('/'));
  }
}

class Placing {
 public:
  Placing(std::string_view container_id, const std::string& cgroup_parent,
          const CgroupLayout& layout)
      : name_(cgroup_name(container_id)), parent_(cgroup_parent), layout_(layout) {}

  // False when no version 1 hierarchy has the controller.
  bool add_v1(const Limits& limits, CgroupWrite write) {
    const CgroupHierarchy* hierarchy = layout_.v1_with(write.controller);
    if (hierarchy == nullptr) return false;
    CgroupDir& dir = v1_dir(*hierarchy, limits, write.purpose);
    dir.writes.push_back(std::move(write));
    return true;
  }

  void add_v2(std::vector<CgroupWrite> writes, std::vector<DeviceRule> devices) {
    const CgroupWrite first =
        writes.empty() ? CgroupWrite{"devices", "", "", "the list of devices"} : writes.front();
    const CgroupHierarchy* hierarchy = layout_.v2();
    if (hierarchy == nullptr) refuse_absent(first);
    std::vector<std::string> needed; // the list of devices belongs to no controller
    for (const CgroupWrite& write : writes)
      if (std::find(needed.begin(), needed.end(), write.controller) == needed.end())
        needed.push_back(write.controller);
    const std::vector<V2Candidate> candidates = v2_candidates(*hierarchy, parent_, first.purpose);
    const V2Candidate* home = v2_home(candidates, needed);
    if (home == nullptr) refuse_v2(first_without_home(writes, candidates, first), candidates);
    dirs_.insert(dirs_.begin(), {CgroupVersion::v2, home->path, name_, v2_to_enable(*home, needed),
                                 std::move(writes), std::move(devices)});
  }

  // With no limit, a container is only put where it was asked to be.
  void add_everywhere_below_parent() {
    for (const CgroupHierarchy& hierarchy : layout_.hierarchies)
      if (is_there(below(hierarchy, parent_)))
        dirs_.insert(hierarchy.version == CgroupVersion::v2 ? dirs_.begin() : dirs_.end(),
                     dir_in(hierarchy, below(hierarchy, parent_), {}));
    if (!dirs_.empty()) return;
    Error error(ErrorKind::not_found,
                fmt::format("--cgroup-parent: no cgroup is called '{}'", printable(parent_)));
    error.set_hint("make it in each hierarchy that is to hold the container: mkdir "
                   "/sys/fs/cgroup/…" +
                   printable(parent_));
    throw error;
  }

  // The directory to kill by. Its absence costs a slower end only.
  void add_for_killing() {
    const bool has_v2 = std::any_of(dirs_.begin(), dirs_.end(), [](const CgroupDir& dir) {
      return dir.version == CgroupVersion::v2;
    });
    const CgroupHierarchy* hierarchy = layout_.v2();
    if (hierarchy == nullptr) hierarchy = layout_.v1_with("freezer");
    if (has_v2 || hierarchy == nullptr) return;
    std::string parent = parent_.empty() ? hierarchy->own : below(*hierarchy, parent_);
    if (!is_there(parent)) parent = hierarchy->own;
    const bool known = std::any_of(dirs_.begin(), dirs_.end(),
                                   [&](const CgroupDir& dir) { return dir.parent == parent; });
    if (parent.empty() || known || !may_write(parent) || !may_enter(*hierarchy, parent)) return;
    dirs_.insert(dirs_.begin(), dir_in(*hierarchy, parent, {}));
  }

  std::vector<CgroupDir> take() { return std::move(dirs_); }

 private:
  CgroupDir& v1_dir(const CgroupHierarchy& hierarchy, const Limits& limits,
                    std::string_view purpose) {
    const std::string parent = parent_in(hierarchy, parent_, purpose);
    for (CgroupDir& dir : dirs_)
      if (dir.parent == parent) return dir;
    dirs_.push_back(dir_in(hierarchy, parent, limits));
    return dirs_.back();
  }

  // Several controllers may share a hierarchy; where cpuset is among them nobody enters without.
  CgroupDir dir_in(const CgroupHierarchy& hierarchy, const std::string& parent,
                   const Limits& limits) const {
    CgroupDir dir{hierarchy.version, parent, name_, {}, {}, {}};
    const auto& bound = hierarchy.controllers;
    if (std::find(bound.begin(), bound.end(), "cpuset") != bound.end())
      dir.writes = v1_cpuset_defaults(limits, read_file_of(parent, "cpuset.cpus"),
                                      read_file_of(parent, "cpuset.mems"));
    return dir;
  }

  static const CgroupWrite& first_without_home(const std::vector<CgroupWrite>& writes,
                                               const std::vector<V2Candidate>& candidates,
                                               const CgroupWrite& otherwise) {
    for (const CgroupWrite& write : writes)
      if (v2_home(candidates, {write.controller}) == nullptr) return write;
    return otherwise;
  }

  std::string name_;
  const std::string& parent_;
  const CgroupLayout& layout_;
  std::vector<CgroupDir> dirs_;
};

// Version 1's "blkio" is version 2's "io".
std::string_view v2_name(std::string_view v1_controller) {
  return v1_controller == "blkio" ? "io" : v1_controller;
}

} // namespace

std::vector<CgroupDir> place_cgroups(const Limits& limits, std::string_view container_id,
                                     const std::string& cgroup_parent, EndedBy end) {
  if (!limits.any() && cgroup_parent.empty()) return {};
  return place_cgroups(limits, container_id, cgroup_parent, read_cgroup_layout(), end);
}

std::vector<CgroupDir> place_cgroups(const Limits& limits, std::string_view container_id,
                                     const std::string& cgroup_parent, const CgroupLayout& layout,
                                     EndedBy end) {
  if (!limits.any() && cgroup_parent.empty()) return {};
  Placing placing(container_id, cgroup_parent, layout);
  std::vector<std::string> left_for_v2;
  for (CgroupWrite& write : v1_writes(limits)) {
    const std::string controller(v2_name(write.controller));
    if (!placing.add_v1(limits, std::move(write))) left_for_v2.push_back(controller);
  }
  std::vector<CgroupWrite> writes = v2_writes(limits);
  std::erase_if(writes, [&](const CgroupWrite& write) {
    return std::find(left_for_v2.begin(), left_for_v2.end(), write.controller) == left_for_v2.end();
  });
  const bool list_for_v2 =
      std::find(left_for_v2.begin(), left_for_v2.end(), "devices") != left_for_v2.end();
  if (!writes.empty() || list_for_v2)
    placing.add_v2(std::move(writes), list_for_v2 ? limits.devices : std::vector<DeviceRule>());
  if (!limits.any()) placing.add_everywhere_below_parent();
  if (end == EndedBy::cgroup) placing.add_for_killing();
  return placing.take();
}

std::vector<CgroupDir> place_cgroup_for_killing(std::string_view container_id,
                                                const std::string& cgroup_parent,
                                                const CgroupLayout& layout) {
  Placing placing(container_id, cgroup_parent, layout);
  placing.add_for_killing();
  std::vector<CgroupDir> dirs = placing.take();
  if (!dirs.empty()) return dirs;
  Error error(ErrorKind::permission_denied,
              "without a pid namespace of its own a container must be ended by a cgroup, and none "
              "can be made here");
  error.set_hint("run layerbox in a cgroup that was given to you: systemd-run --user --scope -p "
                 "Delegate=yes layerbox …");
  throw error;
}

CgroupDir place_cgroup_for_freezing(std::string_view container_id, const CgroupLayout& layout) {
  const std::string nowhere;
  Placing placing(container_id, nowhere, layout);
  placing.add_for_killing();
  std::vector<CgroupDir> dirs = placing.take();
  if (!dirs.empty()) return std::move(dirs.front());
  if (layout.v2() == nullptr && layout.v1_with("freezer") == nullptr)
    throw Error(ErrorKind::unsupported, "this machine has no cgroups that can be frozen")
        .set_hint("mount version 2: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  throw Error(ErrorKind::permission_denied,
              "it has no cgroup, and none can be made where its processes are")
      .set_hint("start it in a cgroup that was given to you: systemd-run --user --scope -p "
                "Delegate=yes layerbox …");
}

std::vector<std::string> cgroup_paths(const std::vector<CgroupDir>& dirs) {
  std::vector<std::string> paths;
  for (const CgroupDir& dir : dirs)
    paths.push_back(dir.path());
  return paths;
}

} // namespace layerbox
