// The mounts of a plan that every container has: its rootfs, and the kernel's file systems.
#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

constexpr unsigned long kNoSetuidDevExec = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr unsigned long kPrivate = MS_PRIVATE;
constexpr std::uint32_t kTtyGroup = 5; // of every distribution; devpts gives terminals to it

[[noreturn]] void refuse_mount(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

// What the overlay writes to, in a file system that is the container's alone.
void add_memory(Plan& plan, const MountPlan& rootfs, const std::string& attach) {
  for (const auto& [path, name] : {std::pair{&rootfs.upper, "upper"}, {&rootfs.work, "work"}})
    if (*path != attach + '/' + name)
      refuse_mount(fmt::format("the overlay's '{}' is not in memory", printable(*path)));
  plan.steps.push_back({.act = Act::mount_below,
                        .mount_flags = MS_NODEV,
                        .target = attach,
                        .source = "tmpfs",
                        .data = "mode=0700,size=" + rootfs.memory});
  plan.steps.push_back(
      {.act = Act::writable_part, .target = attach, .source = rootfs.lower.front()});
}

// Words of the overlay in fsconfig order. At least two lower directories, or an upper one, are what
// overlayfs asks for: a lone read-only layer gets an empty file system below it.
void add_overlay(Plan& plan, const MountPlan& rootfs, const HostFacts& facts) {
  if (rootfs.lower.empty()) refuse_mount("an overlay rootfs needs a lower directory");
  const std::string attach = RelPath::parse(rootfs.attach).str();
  Step overlay{.act = Act::overlay,
               .target = attach.empty() ? "." : attach,
               .source = rootfs.source.empty() ? "overlay" : rootfs.source};
  if (!rootfs.memory.empty()) add_memory(plan, rootfs, overlay.target);
  for (const std::string& lower : rootfs.lower)
    overlay.list.push_back("lowerdir+=" + lower);
  if (rootfs.upper.empty()) {
    overlay.flags |= kReadOnly;
    if (rootfs.lower.size() == 1) {
      plan.steps.push_back({.act = Act::mount_below,
                            .mount_flags = kNoSetuidDevExec | MS_RDONLY,
                            .target = attach,
                            .source = "tmpfs",
                            .data = "size=4k,nr_inodes=1,mode=0755"});
      overlay.list.push_back("lowerdir+=" + overlay.target);
    }
  } else {
    overlay.list.push_back("upperdir=" + rootfs.upper);
    overlay.list.push_back("workdir=" + rootfs.work);
  }
  overlay.list.insert(overlay.list.end(), rootfs.options.begin(), rootfs.options.end());
  if (!facts.overlay_by_fsconfig.available) overlay.flags |= kOldApi;
  plan.steps.push_back(std::move(overlay));
}

// Its words go to fuse-overlayfs, by the launcher.
void add_fuse_overlay(Plan& plan, const MountPlan& rootfs) {
  if (rootfs.lower.empty()) refuse_mount("an overlay rootfs needs a lower directory");
  plan.served = rootfs;
  plan.served->anchor = clean_absolute_path(rootfs.anchor, "rootfs anchor");
  plan.steps.push_back({.act = Act::fuse_overlay,
                        .flags = rootfs.upper.empty() ? kReadOnly : 0U,
                        .target = RelPath::parse(rootfs.attach).str(),
                        .source = rootfs.source.empty() ? "fuse-overlayfs" : rootfs.source});
}

std::string devpts_options(const IdMap& map) {
  std::string options = "newinstance,ptmxmode=0666,mode=0620";
  if (map.maps_gid(kTtyGroup)) options += fmt::format(",gid={}", kTtyGroup);
  return options;
}

void add_notify_socket(Plan& plan, const RunSpec& spec) {
  constexpr std::string_view kDev = "/dev/";
  if (user_mounts_at(spec, "/dev") || user_mounts_at(spec, kNotifyPath))
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("a mount at /dev would hide '{}', the service manager's socket", kNotifyPath))
        .set_hint("'--sdnotify ignore' runs without it");
  plan.steps.push_back(
      {.act = Act::notify_socket, .target = std::string(kNotifyPath).substr(kDev.size())});
}

// Shared memory and queues by name are files; the host's are where its ipc namespace is.
bool has_own_ipc(const RunSpec& spec) {
  return spec.namespaces.ipc.mode != NamespaceMode::host;
}

bool has_own_shm(const RunSpec& spec) {
  return has_own_ipc(spec) && spec.namespaces.shm.mode != NamespaceMode::join;
}

void add_devices(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  plan.steps.push_back({.act = Act::mount_fs,
                        .mount_flags = MS_NOSUID | MS_STRICTATIME,
                        .target = "dev",
                        .source = "tmpfs",
                        .data = spec.host_devices ? "mode=755,size=1m,nr_inodes=8192"
                                                  : "mode=755,size=64k,nr_inodes=256"});
  plan.steps.push_back({.act = Act::enter, .target = "dev"});
  static constexpr std::array<std::string_view, 6> kAlways = {"null",   "zero",    "full",
                                                              "random", "urandom", "tty"};
  for (const std::string_view name : kAlways)
    plan.steps.push_back(
        {.act = Act::device, .target = std::string(name), .source = fmt::format("/dev/{}", name)});
  if (spec.host_devices)
    for (const std::string& name : facts.devices)
      if (std::find(kAlways.begin(), kAlways.end(), name) == kAlways.end())
        plan.steps.push_back({.act = Act::device,
                              .flags = kOptional, // it may be unplugged by then
                              .target = name,
                              .source = "/dev/" + name});
  static constexpr std::array<std::pair<const char*, const char*>, 6> kLinks = {{
      {"fd", "/proc/self/fd"},
      {"stdin", "/proc/self/fd/0"},
      {"stdout", "/proc/self/fd/1"},
      {"stderr", "/proc/self/fd/2"},
      {"ptmx", "pts/ptmx"},
      {"core", "/proc/kcore"},
  }};
  for (const auto& [name, text] : kLinks)
    plan.steps.push_back({.act = Act::symlink, .target = name, .source = text});
  plan.steps.push_back({.act = Act::mount_here,
                        .mount_flags = MS_NOSUID | MS_NOEXEC,
                        .target = "pts",
                        .source = "devpts",
                        .data = devpts_options(spec.id_map)});
  if (has_own_shm(spec) && !user_mounts_at(spec, "/dev/shm"))
    plan.steps.push_back({.act = Act::mount_here,
                          .mount_flags = kNoSetuidDevExec,
                          .target = "shm",
                          .source = "tmpfs",
                          .data = fmt::format("mode=1777,size={}", spec.shm_bytes)});
  if (has_own_ipc(spec) && !user_mounts_at(spec, "/dev/mqueue"))
    plan.steps.push_back({.act = Act::mount_here,
                          .flags = kOptional, // a kernel without CONFIG_POSIX_MQUEUE
                          .mount_flags = kNoSetuidDevExec,
                          .target = "mqueue",
                          .source = "mqueue"});
  plan.steps.push_back({.act = Act::leave});
}

// What of /dev needs more than the host's kernel.
void add_late_devices(Plan& plan, const RunSpec& spec) {
  if (spec.process.terminal || !spec.process.notify_socket.empty()) {
    plan.steps.push_back({.act = Act::enter, .target = "dev"});
    if (spec.process.terminal) plan.steps.push_back({.act = Act::terminal});
    if (!spec.process.notify_socket.empty()) add_notify_socket(plan, spec);
    plan.steps.push_back({.act = Act::leave});
  }
  if (!has_own_shm(spec) && !user_mounts_at(spec, "/dev/shm"))
    plan.steps.push_back({.act = Act::host_tree,
                          .target = "dev/shm",
                          .source = has_own_ipc(spec) ? "" : "/dev/shm"});
  if (!has_own_ipc(spec) && !user_mounts_at(spec, "/dev/mqueue"))
    plan.steps.push_back({.act = Act::host_tree,
                          .flags = kOptional, // not every host has it mounted
                          .target = "dev/mqueue",
                          .source = "/dev/mqueue"});
}

void add_scratch(Plan& plan, const RunSpec& spec) {
  constexpr std::size_t kPage = 4096;
  std::size_t bytes = 4 * kPage;
  for (const RunSpec::ProvidedFile& file : spec.provided_files)
    bytes += (file.content.size() / kPage + 1) * kPage;
  plan.steps.push_back({.act = Act::scratch, .data = std::to_string(bytes)});
}

// Whether /proc and /sys are fresh, and nothing of the user's is to be put over a part of them (in
// /proc he cannot).
bool are_kernel_trees_alone(const RunSpec& spec) {
  return spec.namespaces.pid.mode != NamespaceMode::host &&
         std::none_of(spec.mounts.begin(), spec.mounts.end(), [](const MountSpec& mount) {
           return clean_absolute_path(mount.destination, "mount destination").starts_with("/sys/");
         });
}

// Under the numbers that provide knows them by.
void add_scratch_files(Plan& plan, const RunSpec& spec) {
  require_at_most(spec.provided_files.size(), kMaxProvidedFiles, "provided files");
  for (std::size_t i = 0; i < spec.provided_files.size(); ++i) {
    const RunSpec::ProvidedFile& file = spec.provided_files[i];
    if (file.content.size() > kMaxProvidedBytes)
      throw Error(ErrorKind::limit_exceeded,
                  fmt::format("provided file '{}' is larger than {} bytes",
                              printable(file.destination), kMaxProvidedBytes));
    plan.steps.push_back(
        {.act = Act::scratch_file, .target = std::to_string(i), .data = file.content});
  }
}

std::string directory_path(const MountPlan& rootfs) {
  const std::string below = RelPath::parse(rootfs.directory).str();
  const std::string anchor = clean_absolute_path(rootfs.anchor, "rootfs");
  if (below.empty()) return anchor;
  return anchor == "/" ? anchor + below : anchor + "/" + below;
}

} // namespace

void require_at_most(std::size_t count, std::size_t limit, std::string_view what) {
  if (count > limit)
    throw Error(ErrorKind::limit_exceeded,
                fmt::format("{} {} are more than the limit of {}", count, what, limit));
}

int add_clone(Plan& plan, CloneSource clone) {
  plan.clones.push_back(std::move(clone));
  return static_cast<int>(plan.clones.size()) - 1;
}

bool user_mounts_at(const RunSpec& spec, std::string_view path) {
  return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const MountSpec& mount) {
    return clean_absolute_path(mount.destination, "mount destination") == path;
  });
}

void add_rootfs(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  const MountPlan& rootfs = spec.rootfs;
  const bool overlay = rootfs.kind != RootfsKind::directory;
  const std::string path =
      overlay ? clean_absolute_path(rootfs.anchor, "rootfs anchor") : directory_path(rootfs);
  if (facts.privilege == Privilege::root) {
    // nodev: a device node in a directory that was made by the real root would open.
    const int clone = add_clone(plan, {.path = path,
                                       .purpose = fmt::format("rootfs '{}'", printable(path)),
                                       .idmap = spec.idmap_rootfs});
    plan.steps.push_back({.act = Act::attach_clone, .clone = clone});
  } else {
    // Inside a user namespace mounts below a directory can only come along, not be left out.
    plan.steps.push_back({.act = Act::clone_tree,
                          .flags = overlay ? 0U : kRecursive,
                          .mount_flags = any_follows_host(spec) ? kPrivate : 0U,
                          .source = path});
  }
  if (rootfs.kind == RootfsKind::overlay) add_overlay(plan, rootfs, facts);
  if (rootfs.kind == RootfsKind::fuse_overlayfs) add_fuse_overlay(plan, rootfs);
}

void add_kernel_mounts(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  add_scratch(plan, spec);
  const unsigned long tree =
      spec.writable_kernel_trees ? kNoSetuidDevExec : kNoSetuidDevExec | MS_RDONLY;
  plan.steps.push_back({.act = Act::mount_fs,
                        .flags = spec.namespaces.pid.mode == NamespaceMode::host ? kHostTree : 0U,
                        .mount_flags = kNoSetuidDevExec,
                        .target = "proc",
                        .source = "proc"});
  plan.steps.push_back({.act = Act::mount_sys,
                        .flags = spec.network == NetworkMode::host ? kHostTree : 0U,
                        .mount_flags = tree,
                        .target = "sys"});
  if (spec.namespaces.cgroup.mode == NamespaceMode::host)
    plan.steps.push_back({.act = Act::host_tree,
                          .flags = spec.writable_kernel_trees ? 0U : kReadOnly,
                          .target = "sys/fs/cgroup",
                          .source = "/sys/fs/cgroup"});
  else
    plan.steps.push_back({.act = Act::mount_fs,
                          .flags = kOptional,
                          .mount_flags = tree,
                          .target = "sys/fs/cgroup",
                          .source = "cgroup2"});
  add_devices(plan, spec, facts);
  add_hidden_paths(plan, spec, HiddenIn::our_trees);
  add_scratch_files(plan, spec);
}

void place_kernel_mounts(Plan& plan, const RunSpec& spec) {
  for (const char* name : {"proc", "sys", "dev"})
    plan.steps.push_back({.act = Act::place, .target = name});
  add_late_devices(plan, spec);
}

void add_hidden_paths(Plan& plan, const RunSpec& spec, HiddenIn where) {
  require_at_most(spec.masked_paths.size() + spec.read_only_paths.size(), kMaxHiddenPaths,
                  "masked and read-only paths");
  const bool are_alone = are_kernel_trees_alone(spec);
  const auto add = [&](Act act, const std::string& path, std::string_view purpose) {
    const bool ours = are_alone && is_hidden_by_default(path);
    if (ours == (where == HiddenIn::our_trees))
      plan.steps.push_back({.act = act,
                            .flags = ours ? kOurs : 0U,
                            .target = clean_absolute_path(path, purpose).substr(1)});
  };
  for (const std::string& path : spec.masked_paths)
    add(Act::mask, path, "masked path");
  for (const std::string& path : spec.read_only_paths)
    add(Act::read_only, path, "read-only path");
}

} // namespace layerbox
