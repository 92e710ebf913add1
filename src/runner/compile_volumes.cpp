// The mounts of a plan that users ask for: volumes, tmpfs, devices, provided files.
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

constexpr unsigned long kOverlayFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr unsigned long kVolumePrivate = MS_PRIVATE;

[[noreturn]] void refuse_volume(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

// A place of ours cannot be given away, and nothing can be made inside /proc.
void require_free(const std::string& destination) {
  static constexpr std::array<std::string_view, 5> kOurs = {"/", "/proc", "/sys", "/dev",
                                                            "/dev/pts"};
  const bool ours = std::find(kOurs.begin(), kOurs.end(), destination) != kOurs.end();
  if (ours || destination.starts_with("/proc/") || destination.starts_with("/dev/pts/"))
    refuse_volume(
        fmt::format("nothing can be mounted on '{}': the container's own mounts are there",
                    printable(destination)));
}

// The propagation of an ordinary user's bind, as MS_*: in his user namespace all that was shared
// with the host has become a slave of it (mount_namespaces(7)).
unsigned long propagation_inside(const MountSpec& mount, bool others_follow) {
  switch (mount.propagation) {
  case Propagation::none:
    return others_follow ? kVolumePrivate : 0; // 0: private_mounts has made it private
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

Step overlay_step(Plan& plan, const RunSpec& spec, const MountSpec& mount, const HostFacts& facts) {
  const std::string source = clean_absolute_path(mount.source, "overlay source");
  const std::string writable = clean_absolute_path(mount.writable, "overlay's writable part");
  Step step{.act = Act::overlay_volume};
  if (facts.privilege != Privilege::root) {
    step.source = source;
    step.data = writable;
    return step;
  }
  step.clone = add_clone(plan, {.path = source,
                                .purpose = fmt::format("volume '{}'", printable(source)),
                                .is_volume = true,
                                .hang = true,
                                .idmap = spec.idmap_rootfs,
                                .read_only = true});
  step.other_clone =
      add_clone(plan, {.path = writable,
                       .purpose = fmt::format("the overlay of '{}'", printable(source)),
                       .hang = true,
                       .idmap = spec.idmap_rootfs});
  return step;
}

Step mount_step(Plan& plan, const RunSpec& spec, const MountSpec& mount, const HostFacts& facts) {
  switch (mount.kind) {
  case MountKind::tmpfs:
    return tmpfs_step(mount);
  case MountKind::overlay:
    return overlay_step(plan, spec, mount, facts);
  case MountKind::bind:
    break;
  }
  return bind_step(plan, spec, mount, facts);
}

// For root nodes of the container's own; an ordinary user's are binds of the host's.
void add_device_steps(Plan& plan, std::vector<Step>& steps, const RunSpec& spec,
                      const HostFacts& facts) {
  require_at_most(spec.devices.size(), kMaxDevices, "devices");
  const bool own = facts.privilege == Privilege::root;
  const int clone = own && !spec.devices.empty()
                        ? add_clone(plan, {.purpose = "the container's device nodes",
                                           .hang = true,
                                           .no_devices = false})
                        : kNoClone;
  std::size_t count = 0;
  for (const DeviceSpec& device : spec.devices) {
    const std::string source = clean_absolute_path(device.source, "device");
    const std::string destination = clean_absolute_path(device.destination, "device inside");
    require_free(destination);
    steps.push_back({.act = own ? Act::device_node : Act::bind,
                     .clone = clone,
                     .target = destination.substr(1),
                     .source = own ? std::to_string(count++) : source});
    if (own) plan.clones[static_cast<std::size_t>(clone)].nodes.push_back(source);
  }
}

// What volumes need beside their target goes in before the rootfs, which then lies on top.
void add_hangings(Plan& plan) {
  const auto at = std::find_if(plan.steps.begin(), plan.steps.end(),
                               [](const Step& step) { return step.act == Act::attach_clone; });
  std::vector<Step> hangings;
  for (std::size_t i = 0; i < plan.clones.size(); ++i)
    if (plan.clones[i].hang) hangings.push_back({.act = Act::hang, .clone = static_cast<int>(i)});
  plan.steps.insert(at, hangings.begin(), hangings.end());
}

} // namespace

bool any_follows_host(const RunSpec& spec) {
  return std::any_of(spec.mounts.begin(), spec.mounts.end(),
                     [](const MountSpec& mount) { return mount.propagation != Propagation::none; });
}

void add_user_mounts(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  require_at_most(spec.mounts.size(), kMaxMounts, "mounts");
  std::vector<Step> steps;
  for (const MountSpec& mount : spec.mounts) {
    const std::string destination = clean_absolute_path(mount.destination, "mount destination");
    require_free(destination);
    Step step = mount_step(plan, spec, mount, facts);
    step.target = destination.substr(1);
    steps.push_back(std::move(step));
  }
  add_device_steps(plan, steps, spec, facts);
  for (std::size_t i = 0; i < spec.provided_files.size(); ++i) {
    const std::string destination =
        clean_absolute_path(spec.provided_files[i].destination, "provided file");
    // A volume on the same place is what the user wants to see there.
    if (user_mounts_at(spec, destination)) continue;
    steps.push_back({.act = Act::provide,
                     .flags = spec.read_only_rootfs ? kReadOnly : 0U,
                     .target = destination.substr(1),
                     .source = std::to_string(i)});
  }
  const auto depth = [](const Step& step) {
    return std::count(step.target.begin(), step.target.end(), '/');
  };
  std::stable_sort(steps.begin(), steps.end(),
                   [&](const Step& a, const Step& b) { return depth(a) < depth(b); });
  std::move(steps.begin(), steps.end(), std::back_inserter(plan.steps));
  add_hangings(plan);
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
  TmpfsOptions parsed{kOverlayFlags, ""};
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
      refuse_volume(fmt::format("tmpfs option '{}' is not known", printable(word)));
    has_mode = has_mode || word.starts_with("mode=");
    parsed.data += parsed.data.empty() ? word : "," + word;
  }
  if (!has_mode) parsed.data += parsed.data.empty() ? "mode=1777" : ",mode=1777";
  return parsed;
}

} // namespace layerbox
