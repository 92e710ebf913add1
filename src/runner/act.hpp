// act: the vocabulary that the plan and the child share: the things a container's first process
// does, in plain words, and the shape of one of them as the child sees it.
//
// compile() writes a Plan of Steps (plan.hpp) with strings; child_program turns each into a ChildOp
// with C strings and descriptors made before the clone; the child executes the array and nothing
// else. This header is included by the child, so it holds plain data only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace layerbox {

// Whether mounts that are made later on one side of a bind show on the other (mount_namespaces(7)).
enum class Propagation : std::uint8_t {
  none,
  from_host, // a slave: the host's show in the container
  both_ways, // a peer
};

enum class Act : std::uint8_t {
  // Before the ids are mapped, beside the parent's work.
  oom_score,      // data: the number for the OOM killer
  join_cgroup,    // fd: the file of a cgroup that takes "0" for who writes it
  join_namespace, // fd: the namespace; mount_flags: its CLONE_NEW*
  take_sys,       // a sysfs of the network namespace that has just been entered, for mount_sys
  take_shm,       // the /dev/shm of the mount namespace fd, for host_tree
  be_born,        // a process in all that was entered, and in the namespaces of mount_flags
  // Nothing we mount reaches the host, nothing of the host's reaches us. mount_flags: MS_SLAVE,
  // where a bind is to follow the host's mounts; then every other clone is cut off by itself.
  private_mounts,
  hostname,   // data: the name
  loopback,   // "lo" up
  shift_time, // data: what /proc/PID/timens_offsets takes
  wait_go,    // until the parent has mapped the ids, and who is to know of the process knows
  // The device of fuse_overlay, while this is still the user who started it, who may open it.
  open_fuse,
  hide_cgroups, // a cgroup namespace: what we are in now is the root of all that is seen
  become_root,  // ids 0 of the namespace
  take_proc,    // the host's /proc, for mount_fs
  // What does not depend on the rootfs, so that it can be made before there is one (embryo.hpp).
  // A tmpfs on the old root, gone with it: an empty directory for masks, provided files, and until
  // there is a rootfs what is mounted by the steps that follow, on "proc", "sys" and "dev". The
  // working directory. data: its size in bytes
  scratch,
  mount_fs,     // source: file system, target: a name there, data: options; kHostTree: what
                // take_proc has taken
  mount_sys,    // sysfs, or the host's /sys as a read-only clone where that is refused
  enter,        // working directory: target, a tmpfs that we have mounted
  leave,        // working directory: the root again
  device,       // target: name here; source: the host's node, bound
  symlink,      // target: name here; source: what it says
  mount_here,   // a file system on a new directory here
  host_tree,    // source: a directory of the host, or "": what take_shm has taken; target: here
  scratch_file, // target: its name in scratch; data: content, for provide
  // What is the process's own affair; done while others make the trees.
  limit_caps,      // bounding set
  default_signals, // dispositions as at birth; blocked ones stay so until settle
  // The rootfs.
  hang,         // fd: a tree that later steps need, under the anchor, where nobody will see it
  attach_clone, // fd: the anchor as the parent cloned it; becomes root and working directory
  clone_tree,   // source: the anchor, cloned here (an ordinary user's); mount_flags: MS_PRIVATE
  mount_below,  // source: file system, target: a directory below the anchor, data: options
  // In the tmpfs target: "work", and "upper", which looks like the directory source.
  writable_part,
  overlay, // list: fsconfig words in order; target: where to put it, below the anchor;
           // source: what mount tables show
  // As overlay, by the device of open_fuse, which goes to the launcher to be served.
  fuse_overlay,
  // Below the new root. Targets are without a leading '/'.
  place,         // target: a real directory (no symlink), where what scratch has there is moved
  terminal,      // a pty of the devpts here, its slave on "console", its master to the parent
  notify_socket, // target: the name here of the launcher's socket, for everybody to send to
  // At the user's wish. Targets are resolved inside the root.
  bind,  // fd or source: the tree; mount_flags: its propagation, 0 for as it is
  tmpfs, // data: options
  // fd: the source; other_fd: what holds "upper" and "work". For an ordinary user source and data
  // are their paths.
  overlay_volume,
  device_node, // fd: the launcher's nodes; source: the name of one of these
  provide,     // source: the scratch_file
  mask,        // by /dev/null or an empty directory
  read_only,   // what is there, read-only
  workdir,     // made when missing, unless kExisting; kept open
  root_read_only,
  // The process.
  pivot,
  enter_workdir,
  open_terminal, // a pty of the devpts that is there; its master to the parent
  become_user,   // looked up inside
  stdio,         // terminal, or an empty input, or what we have
  follow_parent, // ends with layerbox
  fork_init,     // pid 1 stays behind as init
  session,       // its own, with the terminal
  tell_pid,      // LISTEN_PID of the environment: this process's number
  settle,        // umask, no signal blocked, no descriptor but the standard ones and `count` more
  find_command,  // where PATH has it; one that leads to the launcher's own program is refused
  // Landlock, by descriptors below the container's root: what is allowed, then that nothing else
  // is.
  landlock_rules, // data: a LandlockRuleset
  landlock_path,  // target: what is there, mount_flags: kLandlockFs…; source: the rule's word
  landlock_port,  // data: a LandlockPort; source: the rule
  landlock,       // from here on they hold
  limit,          // data: a ResourceLimit
  no_new_privileges,
  seccomp, // data: the program; mount_flags: SECCOMP_FILTER_FLAG_*
  exec,
};

inline constexpr std::size_t kActCount = static_cast<std::size_t>(Act::exec) + 1;

// Step flags.
inline constexpr std::uint32_t kOptional = 1U << 0;  // the kernel may refuse; then it is left out
inline constexpr std::uint32_t kRecursive = 1U << 1; // with the mounts below
inline constexpr std::uint32_t kReadOnly = 1U << 2;  // with kRecursive: the mounts below, too
inline constexpr std::uint32_t kOldApi = 1U << 3;    // overlay by mount(2), not by fsconfig(2)
inline constexpr std::uint32_t kHostTree = 1U << 4;  // mount_sys, mount_fs: the host's, as it is
// become_user: CAP_SYS_ADMIN over the container's user namespace is kept until execve(2), which
// takes it away; installing a filter asks for it.
inline constexpr std::uint32_t kKeepAdmin = 1U << 5;
inline constexpr std::uint32_t kReadOnlyTop = 1U << 6; // and what is mounted below as it was
inline constexpr std::uint32_t kReadable = 1U << 7;    // be_born: by the user who has made it
inline constexpr std::uint32_t kExisting = 1U << 8;    // workdir: a missing one is not made
inline constexpr std::uint32_t kOurs = 1U << 9; // mask, read_only: below what we have mounted here

// A limit of setrlimit(2). Without padding: a step carries it as bytes.
struct ResourceLimit {
  std::int32_t resource = 0; // RLIMIT_*
  std::uint32_t at_most = 0; // 1: lower than this is left as it is
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  friend bool operator==(const ResourceLimit&, const ResourceLimit&) = default;
};

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0}; // RLIM_INFINITY

// One thing to do. Strings are the plan's, descriptors the launcher's; both outlive the child.
struct ChildOp {
  Act act = Act::exec;
  std::uint32_t flags = 0;
  int fd = -1;
  int other_fd = -1;
  unsigned long mount_flags = 0; // MS_* of mount(2)
  const char* target = nullptr;
  const char* source = nullptr;
  const char* data = nullptr;
  std::size_t data_bytes = 0;
  const char* const* list = nullptr; // ends with a null pointer
  std::uint32_t count = 0;
};

} // namespace layerbox
