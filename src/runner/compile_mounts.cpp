// The mounts of a plan.
#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

constexpr unsigned long kNoSetuidDevExec = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr unsigned long kPrivate = MS_PRIVATE;
constexpr std::uint32_t kTtyGroup = 5; // of every distribution; devpts gives terminals to it

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

void require_at_most(std::size_t count, std::size_t limit, std::string_view what) {
  if (count > limit)
    throw Error(ErrorKind::limit_exceeded,
                fmt::format("{} {} are more than the limit of {}", count, what, limit));
}

int add_clone(Plan& plan, CloneSource clone) {
  plan.clones.push_back(std::move(clone));
  return static_cast<int>(plan.clones.size()) - 1;
}

// Words of the overlay in fsconfig order. At least two lower directories, or an upper one, are what
// overlayfs asks for: a lone read-only layer gets an empty file system below it.
void add_overlay(Plan& plan, const MountPlan& rootfs, const HostFacts& facts) {
  if (rootfs.lower.empty()) refuse("an overlay rootfs needs a lower directory");
  const std::string attach = RelPath::parse(rootfs.attach).str();
  Step overlay{.act = Act::overlay, .target = attach.empty() ? "." : attach};
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

std::string devpts_options(const IdMap& map) {
  std::string options = "newinstance,ptmxmode=0666,mode=0620";
  if (map.maps_gid(kTtyGroup)) options += fmt::format(",gid={}", kTtyGroup);
  return options;
}

bool user_mounts_at(const RunSpec& spec, std::string_view path) {
  return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const MountSpec& mount) {
    return clean_absolute_path(mount.destination, "mount destination") == path;
  });
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
  if (!user_mounts_at(spec, "/dev/shm"))
    plan.steps.push_back({.act = Act::mount_here,
                          .mount_flags = kNoSetuidDevExec,
                          .target = "shm",
                          .source = "tmpfs",
                          .data = fmt::format("mode=1777,size={}", spec.shm_bytes)});
  if (!user_mounts_at(spec, "/dev/mqueue"))
    plan.steps.push_back({.act = Act::mount_here,
                          .flags = kOptional, // a kernel without CONFIG_POSIX_MQUEUE
                          .mount_flags = kNoSetuidDevExec,
                          .target = "mqueue",
                          .source = "mqueue"});
  if (spec.process.terminal) plan.steps.push_back({.act = Act::terminal});
  plan.steps.push_back({.act = Act::leave});
}

// A place of ours cannot be given away, and nothing can be made inside /proc.
void require_free(const std::string& destination) {
  static constexpr std::array<std::string_view, 5> kOurs = {"/", "/proc", "/sys", "/dev",
                                                            "/dev/pts"};
  const bool ours = std::find(kOurs.begin(), kOurs.end(), destination) != kOurs.end();
  if (ours || destination.starts_with("/proc/") || destination.starts_with("/dev/pts/"))
    refuse(fmt::format("nothing can be mounted on '{}': the container's own mounts are there",
                       printable(destination)));
}

// The propagation of an ordinary user's bind, as MS_*: in his user namespace all that was shared
// with the host has become a slave of it (mount_namespaces(7)).
unsigned long propagation_inside(const MountSpec& mount, bool others_follow) {
  switch (mount.propagation) {
  case Propagation::none:
    return others_follow ? kPrivate : 0; // 0: private_mounts has made it private
  case Propagation::from_host:
    return MS_SLAVE;
  case Propagation::both_ways:
    break;
  }
  Error error(
      ErrorKind::permission_denied,
      fmt::format("volume '{}': only root's containers can share their mounts with the host",
                  printable(mount.source)));
  error.set_hint("with 'rslave' the host's mounts show in the container");
  throw error;
}

Step bind_step(Plan& plan, const RunSpec& spec, const MountSpec& mount, const HostFacts& facts) {
  const std::string source = clean_absolute_path(mount.source, "volume source");
  Step step{.act = Act::bind};
  if (mount.recursive) step.flags |= kRecursive;
  if (facts.privilege != Privilege::root) {
    if (mount.read_only) step.flags |= mount.submounts_writable ? kReadOnlyTop : kReadOnly;
    step.source = source;
    step.mount_flags = propagation_inside(mount, any_follows_host(spec));
    return step;
  }
  step.clone = add_clone(plan, {.path = source,
                                .purpose = fmt::format("volume '{}'", printable(source)),
                                .is_volume = true,
                                .recursive = mount.recursive,
                                .idmap = spec.idmap_rootfs && mount.idmap,
                                .read_only = mount.read_only,
                                .propagation = mount.propagation,
                                .submounts_writable = mount.submounts_writable});
  return step;
}

Step tmpfs_step(const MountSpec& mount) {
  TmpfsOptions options = parse_tmpfs_options(mount.options);
  if (mount.read_only) options.mount_flags |= MS_RDONLY;
  return {.act = Act::tmpfs, .mount_flags = options.mount_flags, .data = std::move(options.data)};
}

Step provide_step(const RunSpec::ProvidedFile& file, std::size_t index) {
  if (file.content.size() > kMaxProvidedBytes)
    throw Error(ErrorKind::limit_exceeded,
                fmt::format("provided file '{}' is larger than {} bytes",
                            printable(file.destination), kMaxProvidedBytes));
  return {.act = Act::provide, .source = std::to_string(index), .data = file.content};
}

bool needs_scratch(const RunSpec& spec) {
  return !spec.provided_files.empty() || !spec.masked_paths.empty();
}

void add_scratch(Plan& plan, const RunSpec& spec) {
  constexpr std::size_t kPage = 4096;
  std::size_t bytes = 4 * kPage;
  for (const RunSpec::ProvidedFile& file : spec.provided_files)
    bytes += (file.content.size() / kPage + 1) * kPage;
  plan.steps.push_back({.act = Act::scratch, .data = std::to_string(bytes)});
}

std::string directory_path(const MountPlan& rootfs) {
  const std::string below = RelPath::parse(rootfs.directory).str();
  const std::string anchor = clean_absolute_path(rootfs.anchor, "rootfs");
  if (below.empty()) return anchor;
  return anchor == "/" ? anchor + below : anchor + "/" + below;
}

} // namespace

bool any_follows_host(const RunSpec& spec) {
  return std::any_of(spec.mounts.begin(), spec.mounts.end(),
                     [](const MountSpec& mount) { return mount.propagation != Propagation::none; });
}

void add_rootfs(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  if (needs_scratch(spec)) add_scratch(plan, spec);
  const MountPlan& rootfs = spec.rootfs;
  const bool overlay = rootfs.kind == RootfsKind::overlay;
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
  if (overlay) add_overlay(plan, rootfs, facts);
}

void add_kernel_mounts(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  const unsigned long tree =
      spec.writable_kernel_trees ? kNoSetuidDevExec : kNoSetuidDevExec | MS_RDONLY;
  plan.steps.push_back(
      {.act = Act::mount_fs, .mount_flags = kNoSetuidDevExec, .target = "proc", .source = "proc"});
  plan.steps.push_back({.act = Act::mount_sys,
                        .flags = spec.network == NetworkMode::host ? kHostTree : 0U,
                        .mount_flags = tree,
                        .target = "sys"});
  plan.steps.push_back({.act = Act::mount_fs,
                        .flags = kOptional,
                        .mount_flags = tree,
                        .target = "sys/fs/cgroup",
                        .source = "cgroup2"});
  add_devices(plan, spec, facts);
}

void add_user_mounts(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  require_at_most(spec.mounts.size(), kMaxMounts, "mounts");
  require_at_most(spec.provided_files.size(), kMaxProvidedFiles, "provided files");
  std::vector<Step> steps;
  for (const MountSpec& mount : spec.mounts) {
    const std::string destination = clean_absolute_path(mount.destination, "mount destination");
    require_free(destination);
    Step step =
        mount.kind == MountKind::tmpfs ? tmpfs_step(mount) : bind_step(plan, spec, mount, facts);
    step.target = destination.substr(1);
    steps.push_back(std::move(step));
  }
  for (std::size_t i = 0; i < spec.provided_files.size(); ++i) {
    const std::string destination =
        clean_absolute_path(spec.provided_files[i].destination, "provided file");
    // A volume on the same place is what the user wants to see there.
    if (user_mounts_at(spec, destination)) continue;
    Step step = provide_step(spec.provided_files[i], i);
    if (spec.read_only_rootfs) step.flags |= kReadOnly;
    step.target = destination.substr(1);
    steps.push_back(std::move(step));
  }
  const auto depth = [](const Step& step) {
    return std::count(step.target.begin(), step.target.end(), '/');
  };
  std::stable_sort(steps.begin(), steps.end(),
                   [&](const Step& a, const Step& b) { return depth(a) < depth(b); });
  std::move(steps.begin(), steps.end(), std::back_inserter(plan.steps));
}

void add_hidden_paths(Plan& plan, const RunSpec& spec) {
  require_at_most(spec.masked_paths.size() + spec.read_only_paths.size(), kMaxHiddenPaths,
                  "masked and read-only paths");
  for (const std::string& path : spec.masked_paths)
    plan.steps.push_back(
        {.act = Act::mask, .target = clean_absolute_path(path, "masked path").substr(1)});
  for (const std::string& path : spec.read_only_paths)
    plan.steps.push_back(
        {.act = Act::read_only, .target = clean_absolute_path(path, "read-only path").substr(1)});
}

TmpfsOptions parse_tmpfs_options(const std::string& options) {
  struct Word {
    std::string_view name;
    unsigned long flag;
    bool sets;
  };
  static constexpr std::array<Word, 10> kWords = {{{"nosuid", MS_NOSUID, true},
                                                   {"suid", MS_NOSUID, false},
                                                   {"nodev", MS_NODEV, true},
                                                   {"dev", MS_NODEV, false},
                                                   {"noexec", MS_NOEXEC, true},
                                                   {"exec", MS_NOEXEC, false},
                                                   {"ro", MS_RDONLY, true},
                                                   {"rw", MS_RDONLY, false},
                                                   {"noatime", MS_NOATIME, true},
                                                   {"nodiratime", MS_NODIRATIME, true}}};
  static constexpr std::array<std::string_view, 6> kKeys = {
      "size=", "mode=", "nr_inodes=", "nr_blocks=", "uid=", "gid="};
  TmpfsOptions parsed{kNoSetuidDevExec, ""};
  bool has_mode = false;
  for (std::size_t begin = 0; begin < options.size();) {
    const std::size_t end = std::min(options.find(',', begin), options.size());
    const std::string word = options.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    const auto* const flag = std::find_if(kWords.begin(), kWords.end(),
                                          [&](const Word& known) { return known.name == word; });
    if (flag != kWords.end()) {
      parsed.mount_flags =
          flag->sets ? parsed.mount_flags | flag->flag : parsed.mount_flags & ~flag->flag;
      continue;
    }
    const bool known = std::any_of(kKeys.begin(), kKeys.end(),
                                   [&](std::string_view key) { return word.starts_with(key); });
    if (!known || word.find('\0') != std::string::npos)
      refuse(fmt::format("tmpfs option '{}' is not known", printable(word)));
    has_mode = has_mode || word.starts_with("mode=");
    parsed.data += parsed.data.empty() ? word : "," + word;
  }
  if (!has_mode) parsed.data += parsed.data.empty() ? "mode=1777" : ",mode=1777";
  return parsed;
}

} // namespace layerbox
