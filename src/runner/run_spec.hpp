// run_spec: what to run, in which walls. It mirrors the OCI runtime-spec (config.md,
// config-linux.md), so that its JSON maps onto it; it is plain data and knows nothing of images.
//
// compile(RunSpec, HostFacts) turns it into a Plan; see plan.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id_map.hpp"
#include "base/mount_plan.hpp"
#include "base/seccomp_policy.hpp"
#include "runner/act.hpp"
#include "runner/cgroup_dir.hpp"
#include "runner/landlock_spec.hpp"
#include "runner/limits.hpp"
#include "runner/namespaces.hpp"
#include "runner/network_spec.hpp"

namespace layerbox {

// The user as an image or a flag names him: "", "UID", "NAME", "UID:GID", "NAME:GROUP". Names are
// looked up in the container's own /etc/passwd and /etc/group, by the child, inside.
struct UserSpec {
  std::string text;
};

// How the command is ended when it does not end by itself. Limits: kMaxEndSeconds.
struct EndRules {
  int stop_signal = 15;                      // SIGTERM; the first that is tried
  std::optional<std::uint32_t> grace_s = 10; // from that signal to SIGKILL; none: no SIGKILL
  std::uint32_t timeout_s = 0;               // how long it may run; 0: as long as it likes
  friend bool operator==(const EndRules&, const EndRules&) = default;
};
inline constexpr std::uint32_t kMaxEndSeconds = 0x7fffffff;

struct ProcessSpec {
  std::vector<std::string> args; // at least one; args[0] without '/' is searched in PATH of env
  std::vector<std::string> env;  // K=V; HOME is added from passwd when it is not here
  std::string cwd = "/";         // made when it is missing
  UserSpec user;
  bool terminal = false;             // a pty of the container's own devpts
  bool interactive = false;          // our standard input is the command's; else it reads /dev/null
  bool init = false;                 // pid 1 is a small init of ours that reaps and forwards
  bool no_new_privileges = false;    // setuid and file capabilities give nothing
  std::vector<ResourceLimit> limits; // one of a kind; resource_limits.hpp for those not named
  std::optional<int> oom_score_adj;  // -1000 to 1000; without, the launcher's
  std::vector<std::string> capabilities; // "CAP_CHOWN" …: bounding, permitted, effective (for root)
  EndRules end;
  // Descriptors 3 to 2+N of this process are the command's under the same numbers; run_container
  // closes them here. Requires that they are open. Limit: kMaxPassedDescriptors.
  std::uint32_t descriptors = 0;
  bool listening = false; // LISTEN_PID of the command's environment is its own number
  // Where the service manager listens that the command may talk to, at kNotifyPath inside; else "".
  std::string notify_socket;
};
inline constexpr std::uint32_t kMaxPassedDescriptors = 512;
inline constexpr const char* kNotifyPath = "/dev/layerbox-notify";

enum class MountKind : std::uint8_t {
  bind,
  tmpfs,
  overlay, // a bind whose writes go elsewhere, and away with the container
};

// The store's volume that a bind's source is the directory of. The runner looks at the source
// alone; who makes it and who shows it look here.
struct VolumeUse {
  std::string name = {}; // "": the container's own, which goes with it
  bool copy = true;      // an empty one is filled with what the image has in its place
};

struct MountSpec {
  MountKind kind = MountKind::bind;
  std::string source = {};      // bind: absolute host path, file or directory, must exist
  std::string destination = {}; // absolute path inside; made when missing
  bool read_only = false;
  bool recursive = true; // bind: mounts below the source come along
  bool idmap = true;     // bind, for root: ids read the same on both sides
  std::string options =
      {}; // tmpfs: "size=64m,mode=1777" and the words nosuid, nodev, noexec, exec …
  // bind: the source must be on a mount that is shared (or a slave). Mounts below it take part.
  Propagation propagation = Propagation::none;
  bool submounts_writable = false; // bind, read_only: the mounts below stay as they are
  std::optional<VolumeUse> volume = {};
  std::string writable = {}; // overlay: absolute host path of what holds "upper" and "work"
};

// A device node that the container may open.
struct DeviceSpec {
  std::string source = {};      // absolute host path; symlinks are followed
  std::string destination = {}; // absolute path inside
  std::string access = "rwm";   // of read, write, mknod; less than both is a list of devices' work
};

// none: a namespace of its own, loopback up; join: that of RunSpec.namespaces.network, as it is;
// bridge, pasta: one of its own, and out of it as RunSpec.network_spec says.
enum class NetworkMode : std::uint8_t { none, host, join, bridge, pasta };

// standard: what default_seccomp_policy() makes of the capabilities (seccomp_profile.hpp).
enum class SeccompMode : std::uint8_t { standard, unconfined, given };

struct SeccompSpec {
  SeccompMode mode = SeccompMode::standard;
  SeccompPolicy policy; // when given
};

struct RunSpec {
  std::string container_id; // 64 hex digits
  MountPlan rootfs;
  bool read_only_rootfs = false;
  ProcessSpec process;
  std::string hostname; // "" gives the first 12 digits of the id; of no effect in another's uts
  std::vector<MountSpec> mounts; // volumes and tmpfs, in the user's order
  NetworkMode network = NetworkMode::none;
  NetworkSpec network_spec;  // of bridge and pasta
  NamespaceSpecs namespaces; // `network` is read with the mode above
  Limits limits;
  std::string cgroup_parent; // "/a/b" from the root of the hierarchies; "" for the caller's own
  // Of place_cgroups() for the two above. Empty without them: then the container stays where the
  // caller is, and its start pays nothing.
  std::vector<CgroupDir> cgroups;
  IdMap id_map;              // of the container's user namespace
  bool idmap_rootfs = false; // the anchor's ids are mapped by mount (root's containers)
  std::uint64_t shm_bytes = std::uint64_t{64} << 20;
  SeccompSpec seccomp;
  LandlockSpec landlock;
  std::vector<DeviceSpec> devices;
  bool host_devices = false;                // every device node of the host's /dev, bound
  bool writable_kernel_trees = false;       // /sys and its cgroup tree: not read-only
  std::vector<std::string> masked_paths;    // absolute; absent ones are passed over
  std::vector<std::string> read_only_paths; // absolute; absent ones are passed over
  // Small files the container gets bound over its own: /etc/hosts, /etc/hostname, /etc/resolv.conf.
  struct ProvidedFile {
    std::string destination;
    std::string content;
  };
  std::vector<ProvidedFile> provided_files;
};

// Docker's defaults (moby oci/caps/defaults.go and oci/defaults.go name them).
std::vector<std::string> default_capabilities();
std::vector<std::string> default_masked_paths();
std::vector<std::string> default_read_only_paths();
bool is_hidden_by_default(std::string_view path); // whether it is one of these

} // namespace layerbox
