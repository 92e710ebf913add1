// child: the first process of a container, between clone3(2) and execve(2).
//
// It is another country: a copy of the launcher's memory in which nothing may be assumed of the C++
// library, of malloc or of any lock. Its files (child*.cpp, pid1.cpp, exec_error.cpp) throw
// nothing, allocate nothing and call nothing but the system, string functions without state, and
// each other; a test reads the undefined symbols of their object files against an allow-list.
//
// It executes ops in order. When one fails it writes one ChildReport to report_fd and exits; when
// the command has been executed, report_fd closes by itself (close-on-exec) and nothing was
// written: that is success.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runner/act.hpp"

namespace layerbox {

// Why, where errno alone does not say it.
enum class ChildDetail : std::uint32_t {
  none,
  symlink_refused,     // text: the path
  not_a_directory,     // text: the path
  source_unreachable,  // of a volume; text: its path
  directory_for_file,  // the source is a file, the target a directory
  file_for_directory,  // the other way round
  workdir_unreachable, // text: what getcwd(2) said
  host_terminal_lost,  // the pty could not be handed over
  kernel_message,      // text: what the file system said (fsopen(2) log)
  no_user_attributes,  // of a tmpfs
  user_unknown,        // text: the name
  group_unknown,       // text: the name
  user_unmapped,       // text: the id
  group_unmapped,      // text: the id
  accounts_unreadable, // text: the file; it is not a regular file
  accounts_too_large,  // text: the file
  // The command. From here on it is the command's failure, not ours.
  command_not_found, // text: the name
  command_not_executable,
  command_on_noexec, // text: the path; its mode would let it be executed
  command_is_directory,
  interpreter_missing, // text: the interpreter
  wrong_architecture,  // text: the machine
  not_a_program,       // neither ELF nor #!
  launcher_itself,     // text: the path that leads to it
  command_refused,     // any other errno
};

struct ChildReport {
  static constexpr std::size_t kTextBytes = 256;
  std::uint32_t step = 0; // index in ops
  std::int32_t error = 0; // errno
  ChildDetail detail = ChildDetail::none;
  char text[kTextBytes] = {}; // ends with a NUL
};

struct ChildIdRange {
  std::uint32_t inside = 0;
  std::uint32_t count = 0;
};

// A file as statx(2) tells it apart: by its inode and by the mount that it is seen through.
struct ChildFile {
  std::uint64_t mount = 0;
  std::uint64_t inode = 0;
};

// All that the child knows. The launcher fills the upper part before the clone; the lower part is
// the child's own state.
struct ChildContext {
  const ChildOp* ops = nullptr;
  std::size_t op_count = 0;
  std::uint32_t first_step = 0; // the number of the first op in the plan

  int go_fd = -1;           // read end: one byte says go; it hangs up when the launcher is gone
  int launcher_go_fd = -1;  // the write end, which the child must close
  int report_fd = -1;       // write end, close-on-exec
  int birth_fd = -1;        // be_born: the number of the process that it makes goes out here
  int terminal_socket = -1; // the master goes out here
  int fuse_socket = -1;     // fuse_overlay: the device goes out here
  int notify_fd = -1;       // a socket that the launcher reads
  bool terminal = false;
  bool interactive = false;
  bool may_setgroups = false;
  std::uint32_t setup_uid = 0; // who sets the container up: 0, where that is mapped
  std::uint32_t setup_gid = 0;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;

  char* const* args = nullptr; // ends with a null pointer
  char** env = nullptr;        // ends with three null pointers: room for HOME and LISTEN_PID
  std::size_t env_count = 0;
  const char* path = nullptr; // where commands are searched, "a:b"
  const char* user = nullptr; // UserSpec.text
  bool needs_home = false;    // env has no HOME
  bool is_embryo = false;     // it has made its network, and its ids were mapped, beforehand
  const ChildIdRange* uids = nullptr;
  std::size_t uid_count = 0;
  const ChildIdRange* gids = nullptr;
  std::size_t gid_count = 0;
  std::uint64_t capabilities = 0; // bit N is capability number N
  ChildFile launcher;             // its program
  char* title = nullptr;          // what /proc/PID/cmdline shows of this memory
  std::size_t title_bytes = 0;
  std::uint64_t permitted = 0; // what become_user came to, without what is kept for a filter

  std::uint64_t candidates = 0; // bit N: directory N of `path` has the command
  int root_fd = -1;
  int scratch_fd = -1;
  int fuse_fd = -1;    // of open_fuse
  int proc_fd = -1;    // of take_proc
  int sys_fd = -1;     // of take_sys
  int shm_fd = -1;     // of take_shm
  int ruleset_fd = -1; // of landlock_rules
  int workdir_fd = -1;
  int slave_fd = -1;
  ChildReport report;
  char home[512] = {};      // "HOME=…"
  char listen_pid[32] = {}; // "LISTEN_PID=…"
};

// Runs a program. Must be entered in the process that the clone made.
[[noreturn]] void run_child(const ChildContext& program) noexcept;

// A process that gets its program later (embryo.hpp).
struct EmbryoContext {
  int go_fd = -1; // a socket: two messages come, each a HatchMessage
  int launcher_go_fd = -1;
  int report_fd = -1;
  bool has_processors = false; // more than one: it may gain by a process beside it
  int lock_fd = -1;            // what the launcher holds must not outlive it in here
};

// The step of a report that such a process failed before it had a program.
inline constexpr std::uint32_t kNoStep = ~std::uint32_t{0};

// Into `place`, which is part of the program, goes the number of the message's descriptor `index`.
struct ChildFdName {
  int* place = nullptr;
  std::uint32_t index = 0;
};

// Addresses in memory that launcher and child share.
struct HatchMessage {
  const ChildContext* context = nullptr;
  const ChildFdName* names = nullptr;
  std::size_t name_count = 0;
  std::size_t fd_count = 0;
  bool has_streams = false; // the first three descriptors are to be the standard streams
  // The processors that it may use (sched_setaffinity(2)); null: those that it has.
  const void* processors = nullptr;
  std::size_t processors_bytes = 0;
  bool* sleeps = nullptr; // of the first: becomes true when there is nothing to do but to wait
};
inline constexpr std::size_t kMaxHatchFds = 253; // SCM_MAX_FD of unix(7)

// Makes the network namespace, and then runs the two programs that come: what does not depend on
// the rootfs, and the rest.
[[noreturn]] void run_embryo(const EmbryoContext& embryo) noexcept;

} // namespace layerbox
