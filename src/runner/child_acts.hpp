// child_acts: what the files of the child offer each other. An act returns 0 or -errno; where errno
// alone would puzzle a reader it has called explain() first.
#pragma once

#include "runner/child.hpp"

namespace layerbox::child {

// Notes why, and on what; the first note stays.
void explain(ChildContext& context, ChildDetail detail, const char* text) noexcept;
// Sends the report with `error` (positive) and ends the process.
[[noreturn]] void fail(ChildContext& context, int error, int status) noexcept;

// child_paths.cpp: names below `root`. `resolve` is RESOLVE_* of openat2(2): kReal for our own
// mount points, kInRoot for names that a user gave.
inline constexpr std::uint64_t kReal = 0x08 | 0x04 | 0x02; // BENEATH, NO_SYMLINKS, NO_MAGICLINKS
inline constexpr std::uint64_t kInRoot = 0x10 | 0x02;      // IN_ROOT, NO_MAGICLINKS
inline constexpr std::size_t kPathBytes = 4096;            // PATH_MAX
// O_PATH descriptor of a directory; missing ones are made. Or -errno.
int make_directories(int root, const char* name, std::uint64_t resolve) noexcept;
// The same of a file; a missing one is made empty, with its directories, and is open for writing.
int make_file(int root, const char* name, std::uint64_t resolve) noexcept;

// The directory of scratch that masks are made of.
inline constexpr char kEmpty[] = "empty";

// child_mounts.cpp
int private_mounts(ChildContext&, const ChildOp&) noexcept;
int scratch(ChildContext&, const ChildOp&) noexcept;
int place(ChildContext&, const ChildOp&) noexcept;
int attach_clone(ChildContext&, const ChildOp&) noexcept;
int clone_anchor(ChildContext&, const ChildOp&) noexcept;
int mount_fs(ChildContext&, const ChildOp&) noexcept;
int mount_sys(ChildContext&, const ChildOp&) noexcept;
int mount_below(ChildContext&, const ChildOp&) noexcept;
int root_read_only(ChildContext&, const ChildOp&) noexcept;
int pivot(ChildContext&, const ChildOp&) noexcept;
int hang(ChildContext&, const ChildOp&) noexcept;
// child_memory.cpp
int writable_part(ChildContext&, const ChildOp&) noexcept;
// child_overlay.cpp
int overlay(ChildContext&, const ChildOp&) noexcept;
// Makes the directory of our descriptors, of a /proc of its own or the host's that has been taken,
// the working directory: a number is then a path that nobody but us can bend.
int enter_descriptors(const ChildContext&) noexcept;
// child_fuse.cpp
int open_fuse(ChildContext&, const ChildOp&) noexcept;
int fuse_overlay(ChildContext&, const ChildOp&) noexcept;
// child_volumes.cpp
int overlay_volume(ChildContext&, const ChildOp&) noexcept;
int device_node(ChildContext&, const ChildOp&) noexcept;
// child_dev.cpp
// Hands `fd` to the launcher.
int send_descriptor(int socket, int fd) noexcept;
int enter(ChildContext&, const ChildOp&) noexcept;
int leave(ChildContext&, const ChildOp&) noexcept;
int device(ChildContext&, const ChildOp&) noexcept;
int symlink(ChildContext&, const ChildOp&) noexcept;
int mount_here(ChildContext&, const ChildOp&) noexcept;
int terminal(ChildContext&, const ChildOp&) noexcept;
int open_terminal(ChildContext&, const ChildOp&) noexcept;
int notify_socket(ChildContext&, const ChildOp&) noexcept;
// child_binds.cpp
int bind(ChildContext&, const ChildOp&) noexcept;
int tmpfs(ChildContext&, const ChildOp&) noexcept;
// The mount point of a volume: of the same kind as its source. Or -errno.
int volume_target(ChildContext&, const char* name, bool directory) noexcept;
int scratch_file(ChildContext&, const ChildOp&) noexcept;
int provide(ChildContext&, const ChildOp&) noexcept;
int mask(ChildContext&, const ChildOp&) noexcept;
int read_only(ChildContext&, const ChildOp&) noexcept;
int host_tree(ChildContext&, const ChildOp&) noexcept;
// child_cgroup.cpp
int join_cgroup(ChildContext&, const ChildOp&) noexcept;
int hide_cgroups(ChildContext&, const ChildOp&) noexcept;
// child_namespaces.cpp
int join_namespace(ChildContext&, const ChildOp&) noexcept;
int take_sys(ChildContext&, const ChildOp&) noexcept;
int take_shm(ChildContext&, const ChildOp&) noexcept;
// Returns in the container's process only.
int be_born(ChildContext&, const ChildOp&) noexcept;
int take_proc(ChildContext&, const ChildOp&) noexcept;
int shift_time(ChildContext&, const ChildOp&) noexcept;
// child_process.cpp
int make_network() noexcept; // its own, with the loopback device up
// Whether it is looked for again and again before the process sleeps.
enum class Patience : std::uint8_t { none, some };
// Requires that `socket` is an EmbryoContext's. Writes the numbers of the descriptors that come.
bool has_message(int socket) noexcept;
int receive_program(int socket, HatchMessage& program, Patience patience) noexcept;
int oom_score(ChildContext&, const ChildOp&) noexcept;
int hostname(ChildContext&, const ChildOp&) noexcept;
int loopback(ChildContext&, const ChildOp&) noexcept;
int wait_go(ChildContext&, const ChildOp&) noexcept;
int become_root(ChildContext&, const ChildOp&) noexcept;
int workdir(ChildContext&, const ChildOp&) noexcept;
int enter_workdir(ChildContext&, const ChildOp&) noexcept;
int stdio(ChildContext&, const ChildOp&) noexcept;
int follow_parent(ChildContext&, const ChildOp&) noexcept;
int session(ChildContext&, const ChildOp&) noexcept;
// child_caps.cpp
int limit_caps(ChildContext&, const ChildOp&) noexcept;
int become_user(ChildContext&, const ChildOp&) noexcept;
// pid1.cpp: returns in the command's process only.
int fork_init(ChildContext&, const ChildOp&) noexcept;
// child_filter.cpp
int limit(ChildContext&, const ChildOp&) noexcept;
int no_new_privileges(ChildContext&, const ChildOp&) noexcept;
int seccomp(ChildContext&, const ChildOp&) noexcept;
// child_landlock.cpp
int landlock_rules(ChildContext&, const ChildOp&) noexcept;
int landlock_path(ChildContext&, const ChildOp&) noexcept;
int landlock_port(ChildContext&, const ChildOp&) noexcept;
int landlock(ChildContext&, const ChildOp&) noexcept;
// child_caps.cpp: permitted and effective.
int set_capabilities(std::uint64_t wanted) noexcept;
// child_exec.cpp
int tell_pid(ChildContext&, const ChildOp&) noexcept;
int default_signals(ChildContext&, const ChildOp&) noexcept;
int settle(ChildContext&, const ChildOp&) noexcept;
int find_command(ChildContext&, const ChildOp&) noexcept;
// Returns only on failure, with its detail and the exit status 126 or 127 decided
// by it.
int exec(ChildContext&, const ChildOp&) noexcept;

} // namespace layerbox::child
