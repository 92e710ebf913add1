// compile: from what to run and what the machine can do to what will happen. A pure function: it
// looks at nothing but its arguments.
//
// The order is the security argument, so it stands here once:
//   before the id maps   into cgroups, into namespaces that are there already, and a process in
//                        them; mounts private, host name, loopback: beside the launcher
//   root of the namespace
//   kernel file systems  /proc, /sys, /dev, in a tmpfs of ours that is nobody else's: with or
//                        without a rootfs, so that it can be done before there is one
//   rootfs               the anchor's clone, the overlay on it
//   places               /proc, /sys, /dev go to real directories of it, never through a symlink
//   the user's wishes    volumes, tmpfs and provided files, parents before children
//   hiding               masked and read-only paths, over all of that
//   pivot                the host is gone
//   the process          working directory, capabilities, ids, streams, session
//   Landlock             rules are made with what the command's user can reach, and hold from
//   there:
//                        all that is left looks at no file but the command
//   limits, no_new_privs what would be in the way of all that
//   the filter           last before exec, so that a profile must allow nothing but what the
//   command
//                        does. seccomp(2) asks for CAP_SYS_ADMIN or no_new_privs; not to force the
//                        latter on setuid programs inside, the capability is kept, in the
//                        container's own user namespace only, from becoming the user until
//                        execve(2): that takes it away, because it is not in the bounding set
//   exec
#pragma once

#include <string_view>

#include "runner/exec_spec.hpp"
#include "runner/host_facts.hpp"
#include "runner/plan.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

// Limits on what a user or an image can ask for.
inline constexpr std::size_t kMaxMounts = 512;
inline constexpr std::size_t kMaxDevices = 256;
inline constexpr std::size_t kMaxHiddenPaths = 512; // masked and read-only together
inline constexpr std::size_t kMaxProvidedFiles = 64;
inline constexpr std::size_t kMaxProvidedBytes = std::size_t{1} << 20; // of one file
inline constexpr std::size_t kMaxHostnameBytes = 64;                   // sethostname(2)
inline constexpr std::size_t kMaxUserBytes = 255;
inline constexpr std::size_t kMaxLandlockRules = 512;

// Throws Error(invalid_argument, limit_exceeded) that names the value that has no meaning.
Plan compile(const RunSpec& spec, const HostFacts& facts);

// The steps with which compile(spec, facts) begins and which its rootfs, its command and the user's
// mounts have no part in, with the plan's namespaces and ids.
Plan compile_beginning(const RunSpec& spec, const HostFacts& facts);

// The same of one more command in a container that runs; see exec_spec.hpp. The order, again:
//   into cgroups, then into every namespace but that of the pids, which takes children only
//   working directory, terminal, capabilities, user: by a process that nobody in there sees
//   the command's process, in the pid namespace, not dumpable until it executes the command
//   session, descriptors, Landlock, limits, filter, exec: as above
Plan compile_exec(const ExecSpec& spec, const HostFacts& facts);

// "/a//b/../c/" → "/a/c": lexically, as docker does with WORKDIR; never leaves "/". Throws
// Error(invalid_argument) for a path that is not absolute or has a NUL.
std::string clean_absolute_path(const std::string& path, std::string_view purpose);

// Parts of compile() and compile_exec(), in compile.cpp. Command and environment; the user and his
// streams; from the closing of descriptors to exec.
void set_process(Plan& plan, const ProcessSpec& process);
void add_user(Plan& plan, const RunSpec& spec);
void add_command(Plan& plan, const RunSpec& spec, const HostFacts& facts);

// Parts of compile(), in compile_namespaces.cpp.
bool has_own_network(const RunSpec& spec);
// Whether it will be put into cgroups, which may not be placed yet.
bool will_have_cgroups(const RunSpec& spec);
std::uint64_t own_namespaces(const RunSpec& spec); // CLONE_NEW*
// Sets the plan's namespaces, and appends the steps into those that are there already.
void add_namespaces(Plan& plan, const RunSpec& spec, const HostFacts& facts);
void add_clocks(Plan& plan, const NamespaceSpecs& specs);

// Parts of compile(), in compile_mounts.cpp and, what users ask for, in compile_volumes.cpp. They
// append steps.
void add_rootfs(Plan& plan, const RunSpec& spec, const HostFacts& facts);
void add_kernel_mounts(Plan& plan, const RunSpec& spec, const HostFacts& facts); // in scratch
void place_kernel_mounts(Plan& plan, const RunSpec& spec);                       // in the rootfs
void add_user_mounts(Plan& plan, const RunSpec& spec, const HostFacts& facts);
// Of the masked and read-only paths those of the kernel's own trees, before there is a rootfs, or
// the others, in it, over what users mount.
enum class HiddenIn : std::uint8_t { our_trees, rootfs };
void add_hidden_paths(Plan& plan, const RunSpec& spec, HiddenIn where);

// In compile_landlock.cpp. Throws Error(unsupported) where the kernel cannot hold a rule.
void add_landlock(Plan& plan, const RunSpec& spec, const HostFacts& facts);

// Shared by them. Throws Error(limit_exceeded); returns the index of the clone; whether the user
// has a mount of his own on `path`.
void require_at_most(std::size_t count, std::size_t limit, std::string_view what);
int add_clone(Plan& plan, CloneSource clone);
bool user_mounts_at(const RunSpec& spec, std::string_view path);
// Whether a bind is to show what is mounted on the host later.
bool any_follows_host(const RunSpec& spec);

// The options of a tmpfs: flags of mount(2), and the words left for the file system.
struct TmpfsOptions {
  unsigned long mount_flags = 0;
  std::string data;
};
// nosuid, nodev, noexec unless "suid", "dev", "exec" say otherwise; mode 1777 unless given. Throws
// Error(invalid_argument) for an unknown word.
TmpfsOptions parse_tmpfs_options(const std::string& options);

} // namespace layerbox
