// confine_to(): what is tried from inside by who has taken the process over.
#include "base/confinement.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "base/call_in_process.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/pipe.hpp"
#include "base/temp.hpp"
#include "base/userns.hpp"
#include "base/walk.hpp"
#include "base/xattr.hpp"
#include "tests/base/child.hpp"
#include "tests/base/thrown.hpp"

namespace layerbox::test {
namespace {

using Tell = WorkInProcess::Tell;
using Lines = std::vector<std::string>;

// A directory to stay in, and beside it what must stay as it is.
struct Ground {
  Ground() {
    write_new_file(temp.dir(), "secret", "secret", 0666);
    dir = make_or_open_dir_at(temp.dir(), "inside", 0755);
  }
  std::string secret() const { return temp.path() + "/secret"; }

  TempDir temp{"confinement-"};
  UniqueFd dir;
};

// What `work` tells, confined.
Lines confined(FdRef dir, const std::function<void(const Tell&)>& work,
               std::vector<int> kept = {}) {
  kept.push_back(dir.get());
  WorkInProcess process(
      [&](const Tell& tell) {
        confine_to(dir);
        work(tell);
      },
      kept, "the test");
  Lines said;
  process.finish([&said](std::string_view line) { said.emplace_back(line); });
  return said;
}

struct Attempt {
  std::string name;
  std::function<long()> call; // negative: it failed
};

// Names of those that succeed.
void try_all(const std::vector<Attempt>& attempts, const Tell& tell) {
  for (const Attempt& attempt : attempts)
    if (attempt.call() >= 0) tell(attempt.name);
}

// Content and names of files outside: what each of them does works without confinement.
std::vector<Attempt> on_files(const Ground& ground) {
  const std::string secret = ground.secret();
  const int dir = ground.dir.get();
  return {
      {"read /etc/passwd", [] { return ::open("/etc/passwd", O_RDONLY); }},
      {"read by its path", [=] { return ::open(secret.c_str(), O_RDONLY); }},
      {"write by its path", [=] { return ::open(secret.c_str(), O_WRONLY); }},
      {"read by ..", [=] { return ::openat(dir, "../secret", O_RDONLY); }},
      {"write by ..", [=] { return ::openat(dir, "../secret", O_WRONLY); }},
      {"read by a symlink",
       [=] {
         (void)::symlinkat(secret.c_str(), dir, "link");
         return ::openat(dir, "link", O_RDONLY);
       }},
      {"list the parent",
       [=] {
         const UniqueFd parent(::openat(dir, "..", O_RDONLY | O_DIRECTORY));
         return parent && stat_fd(parent).st_ino != stat_fd(FdRef(dir)).st_ino ? 0 : -1;
       }},
      {"link it inside", [=] { return ::linkat(AT_FDCWD, secret.c_str(), dir, "stolen", 0); }},
      {"rename it", [=] { return ::renameat(dir, "../secret", dir, "../renamed"); }},
      {"remove it", [=] { return ::unlinkat(dir, "../renamed", 0); }},
  };
}

// From a root ".." leads nowhere else: these may be done, but not outside.
std::vector<Attempt> on_names(const Ground& ground) {
  const std::string outside = ground.temp.path() + "/made";
  const int dir = ground.dir.get();
  return {
      {"make a file", [=] { return ::open(outside.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600); }},
      {"make a file by ..",
       [=] { return ::openat(dir, "../made2", O_CREAT | O_EXCL | O_WRONLY, 0600); }},
      {"make a directory", [=] { return ::mkdirat(dir, "../made3", 0700); }},
      {"make a fifo", [=] { return ::mknodat(dir, "../made4", S_IFIFO | 0600, 0); }},
      {"make a symlink", [=] { return ::symlinkat("x", dir, "../made5"); }},
  };
}

// Owners, modes and attributes, which Landlock lets be: the root holds them.
std::vector<Attempt> on_metadata(const Ground& ground) {
  const std::string secret = ground.secret();
  const int dir = ground.dir.get();
  return {
      {"look at it",
       [=] {
         struct stat status {};
         return ::stat(secret.c_str(), &status);
       }},
      {"set its mode", [=] { return ::chmod(secret.c_str(), 0777); }},
      {"set its mode by ..", [=] { return ::fchmodat(dir, "../secret", 0777, 0); }},
      {"set its owner", [=] { return ::fchownat(AT_FDCWD, secret.c_str(), 0, 0, 0); }},
      {"set its times", [=] { return ::utimensat(AT_FDCWD, secret.c_str(), nullptr, 0); }},
      {"set its attributes", [=] { return ::setxattr(secret.c_str(), "user.x", "1", 1, 0); }},
  };
}

void expect_files_are_kept(const Ground& ground) {
  EXPECT_EQ(confined(ground.dir, [&](const Tell& tell) { try_all(on_files(ground), tell); }),
            Lines());
  (void)confined(ground.dir, [&](const Tell& tell) { try_all(on_names(ground), tell); });
  EXPECT_EQ(list_dir(ground.temp.dir()), (Lines{"inside", "secret"}));
  EXPECT_EQ(read_small_file(ground.temp.dir(), RelPath::parse("secret"), 100), "secret");
}

// What needs no file. Those that change nothing are tried without confinement, too.
std::vector<Attempt> on_kernel_harmless() {
  const pid_t parent = ::getpid();
  return {
      {"socket", [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"signal the parent", [=] { return ::kill(parent, 0); }},
      {"signal a thread of the parent", [=] { return ::syscall(SYS_tgkill, parent, parent, 0); }},
      {"signal oneself by kill", [] { return ::kill(::getpid(), 0); }},
      {"pidfd", [=] { return ::syscall(SYS_pidfd_open, parent, 0); }},
      {"fork",
       [] {
         const pid_t pid = ::fork();
         if (pid == 0) ::_exit(0);
         return pid;
       }},
      {"memfd", [] { return ::syscall(SYS_memfd_create, "x", 0); }},
      {"map to execute",
       [] {
         return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                    ? -1
                    : 0;
       }},
      {"own a pipe's signals", [=] { return ::fcntl(STDIN_FILENO, F_SETOWN, parent); }},
      {"set a limit",
       [] {
         struct rlimit limit {};
         (void)::getrlimit(RLIMIT_CORE, &limit);
         return ::setrlimit(RLIMIT_CORE, &limit);
       }},
#ifndef LAYERBOX_SANITIZED // whose runtime calls them
      {"prctl", [] { return ::prctl(PR_SET_NAME, "x"); }},
      {"ioctl",
       [] { return ::ioctl(STDIN_FILENO, FIONREAD, &errno) < 0 && errno == ENOSYS ? -1 : 0; }},
#endif
  };
}

std::vector<Attempt> on_kernel() {
  std::vector<Attempt> all = on_kernel_harmless();
  const pid_t parent = ::getpid();
  const auto call = [](auto... arguments) { return [=] { return ::syscall(arguments...); }; };
  static char byte = 0;
  static const iovec here{&byte, 1};
  static char* const no_words[] = {nullptr};
  const std::vector<std::pair<const char*, std::function<long()>>> calls = {
      {"execve", [] { return ::execve("/bin/true", no_words, no_words); }},
      {"execveat", call(SYS_execveat, AT_FDCWD, "/bin/true", no_words, no_words, 0)},
      {"mount", call(SYS_mount, "x", "/", "tmpfs", 0, nullptr)},
      {"open_tree", call(SYS_open_tree, AT_FDCWD, "/", 1)},
      {"fsopen", call(SYS_fsopen, "tmpfs", 0)},
      {"umount", call(SYS_umount2, "/", 2)},
      {"chroot", call(SYS_chroot, "/")},
      {"pivot_root", call(SYS_pivot_root, ".", ".")},
      {"unshare", call(SYS_unshare, CLONE_NEWUSER)},
      {"unshare mounts", call(SYS_unshare, CLONE_NEWNS)},
      {"setns", call(SYS_setns, 0, 0)},
      {"a process in a namespace", call(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)},
      {"clone3", call(SYS_clone3, &byte, 0)},
      {"ptrace", call(SYS_ptrace, PTRACE_ATTACH, parent, 0, 0)},
      {"process_vm_readv", call(SYS_process_vm_readv, parent, &here, 1, &here, 1, 0)},
      {"open_by_handle_at", call(SYS_open_by_handle_at, 3, &byte, 0)},
      {"bpf", call(SYS_bpf, BPF_MAP_CREATE, &byte, 0)},
      {"keyctl", call(SYS_keyctl, 0, -3, 1)},
      {"add_key", call(SYS_add_key, "user", "x", "y", 1, -3)},
      {"io_uring", call(SYS_io_uring_setup, 1, &byte)},
      {"perf", call(SYS_perf_event_open, &byte, 0, -1, -1, 0)},
      {"userfaultfd", call(SYS_userfaultfd, 1)},
      {"setuid", call(SYS_setuid, ::getuid())},
      {"seccomp", call(SYS_seccomp, 1, 0, &byte)},
  };
  for (const auto& [name, attempt] : calls)
    all.push_back({name, attempt});
  return all;
}

// Runs `work` as each kind of user that layerbox has; the last two are root, with and without ids.
void as_everybody(const std::function<void()>& work) {
  LAYERBOX_NEED_ROOT();
  EXPECT_EQ(in_child(work), 0) << "as root";
  EXPECT_EQ(in_child([&] {
              become_user(kOrdinaryUser);
              work();
            }),
            0)
      << "as an ordinary user without a user namespace";
  EXPECT_EQ(in_child([&] {
              become_user(kOrdinaryUser);
              const Identity who = current_identity();
              const UniqueFd ns = make_user_namespace(who.store_map, who);
              call_in_user_namespace(ns, work);
              if (::testing::Test::HasFailure()) throw Error(ErrorKind::system, "see above");
            }),
            0)
      << "as root of an ordinary user's namespace";
}

TEST(Confinement, KeepsFilesOutsideFromWhoeverIsInside) {
  as_everybody([] { expect_files_are_kept(Ground()); });
}

TEST(Confinement, KeepsOwnersModesAndAttributesOutside) {
  as_everybody([] {
    const Ground ground;
    EXPECT_EQ(confined(ground.dir, [&](const Tell& tell) { try_all(on_metadata(ground), tell); }),
              Lines());
  });
}

TEST(Confinement, LeavesNoCallButThoseForFilesMemoryAndThreads) {
  as_everybody([] {
    const Ground ground;
    const std::vector<Attempt> attempts = on_kernel(); // of its parent
    EXPECT_EQ(confined(ground.dir, [&](const Tell& tell) { try_all(attempts, tell); }), Lines());
  });
}

#ifdef __x86_64__
TEST(Confinement, KillsWhoCallsInTheMannerOfAnotherMachine) {
  const Ground ground;
  constexpr long kX32 = 0x40000000;
  EXPECT_STREQ(thrown_by([&] {
                 confined(ground.dir, [](const Tell&) { (void)::syscall(kX32 + SYS_getpid); });
               }).what(),
               "the test ended before it was done: killed by signal 31 (Bad system call)");
}
#endif

// Or the tests above could not fail.
TEST(Confinement, IsWhatStopsThem) {
  LAYERBOX_NEED_ROOT();
  const Ground ground;
  const std::vector<Attempt> kernel = on_kernel_harmless();
  for (const auto& attempts : {on_metadata(ground), on_names(ground), on_files(ground), kernel}) {
    Lines done;
    WorkInProcess process([&](const Tell& tell) { try_all(attempts, tell); }, std::nullopt, "test");
    process.finish([&done](std::string_view line) { done.emplace_back(line); });
    EXPECT_EQ(done.size(), attempts.size()) << ::testing::PrintToString(done);
  }
}

TEST(Confinement, LeavesNoOtherDescriptor) {
  const Ground ground;
  const UniqueFd other = open_path("/", O_RDONLY | O_DIRECTORY);
  const Lines said = confined(ground.dir, [&](const Tell& tell) {
    for (int fd = 0; fd < 1000; ++fd) {
      struct stat status {};
      if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) && fd != ground.dir.get())
        tell(std::to_string(fd));
    }
  });
  EXPECT_EQ(said, Lines());
}

// The words of /proc/PID/status from outside, while the process waits.
TEST(Confinement, CutsTheCapabilitiesInAllSets) {
  LAYERBOX_NEED_ROOT();
  const Ground ground;
  Pipe hold = make_pipe();
  WorkInProcess process(
      [&](const Tell& tell) {
        confine_to(ground.dir);
        tell(std::to_string(::getpid()));
        char byte = 0;
        (void)::read(hold.read.get(), &byte, 1);
      },
      {{ground.dir.get(), hold.read.get()}}, "the test");
  hold.read.reset();
  std::string found;
  process.finish([&](std::string_view pid) {
    std::ifstream status("/proc/" + std::string(pid) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("Cap") || line.starts_with("NoNewPrivs") || line.starts_with("Seccomp:"))
        found += line.substr(line.find('\t') + 1) + ' ';
    hold.write.reset();
  });
  // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SYS_ADMIN, MKNOD, SETFCAP.
  EXPECT_EQ(found, "0000000000000000 000000008820001b 000000008820001b 000000008820001b "
                   "0000000000000000 1 2 ");
}

TEST(Confinement, LeavesRootAllThatATreeNeeds) {
  LAYERBOX_NEED_ROOT();
  const Ground ground;
  // struct vfs_cap_data of version 2: CAP_NET_RAW, effective.
  const std::string capability("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  // Version 2: user::rw-, user:7:r--, group::r--, mask::r--, other::---.
  const std::string acl("\2\0\0\0\1\0\6\0\xff\xff\xff\xff\2\0\4\0\7\0\0\0\4\0\4\0\xff\xff\xff\xff"
                        "\x10\0\4\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff",
                        44);
  const auto must = [](const char* what, long result) {
    if (result < 0) throw_errno(errno, what);
  };
  const Lines said = confined(ground.dir, [&](const Tell& tell) {
    const UniqueFd dir = make_or_open_dir_at(ground.dir, "tree", 0755);
    const int at = dir.get();
    const UniqueFd file = open_beneath(dir, RelPath::parse("file"), O_RDWR | O_CREAT | O_EXCL);
    must("write", ::pwrite(file.get(), "x", 1, 100));
    must("truncate", ::ftruncate(file.get(), 1 << 20));
    must("chown", ::fchown(file.get(), 12345, 54321));
    must("chmod", ::fchmod(file.get(), 06755));
    for (const auto& [key, value] : XattrMap{{"user.a", "1"},
                                             {"trusted.a", "2"},
                                             {"security.capability", capability},
                                             {"system.posix_acl_access", acl}})
      set_xattr(file, "", key, value);
    must("times", ::utimensat(at, "file", nullptr, 0));
    must("symlink", ::symlinkat("/etc/passwd", at, "symlink"));
    set_xattr(dir, "symlink", "trusted.b", "3");
    must("chown a symlink", ::fchownat(at, "symlink", 7, 7, AT_SYMLINK_NOFOLLOW));
    must("fifo", ::mknodat(at, "fifo", S_IFIFO | 0600, 0));
    must("character device", ::mknodat(at, "null", S_IFCHR | 0600, ::makedev(1, 3)));
    must("block device", ::mknodat(at, "disk", S_IFBLK | 0600, ::makedev(7, 0)));
    must("whiteout", ::mknodat(at, "gone", S_IFCHR, ::makedev(0, 0)));
    must("directory", ::mkdirat(at, "sub", 0700));
    must("link", ::linkat(at, "file", at, "sub/link", 0));
    must("rename", ::renameat(at, "fifo", at, "sub/fifo"));
    must("remove", ::unlinkat(at, "sub/fifo", 0));
    std::thread([&] { tell("a thread"); }).join();
  });
  EXPECT_EQ(said, Lines{"a thread"});
  const UniqueFd dir = open_beneath(ground.dir, RelPath::parse("tree"), kOpenDir);
  const XattrMap file = read_xattrs(dir, "sub/link");
  EXPECT_EQ(file.at("user.a"), "1");
  EXPECT_EQ(file.at("trusted.a"), "2");
  EXPECT_EQ(file.at("security.capability"), capability);
  EXPECT_EQ(file.at("system.posix_acl_access"), acl);
  EXPECT_EQ(read_xattrs(dir, "symlink").at("trusted.b"), "3");
  EXPECT_EQ(try_stat_at(dir, "null")->st_rdev, ::makedev(1, 3));
}

#ifndef LAYERBOX_SANITIZED
TEST(Confinement, BoundsTheMemory) {
  const Ground ground;
  const Lines said = confined(ground.dir, [](const Tell& tell) {
    const std::vector<char> some(kConfinedMemoryBytes / 2);
    tell(std::to_string(some.size()));
    try {
      const std::vector<char> much(kConfinedMemoryBytes);
      tell(std::to_string(much.size()));
    } catch (const std::bad_alloc&) {
      tell("no more");
    }
  });
  EXPECT_EQ(said, (Lines{std::to_string(kConfinedMemoryBytes / 2), "no more"}));
}
#endif

TEST(Confinement, SaysHowTheProcessDied) {
  const Ground ground;
  EXPECT_STREQ(
      thrown_by([&] { confined(ground.dir, [](const Tell&) { ::raise(SIGTRAP); }); }).what(),
      "the test ended before it was done: killed by signal 5 (Trace/breakpoint trap)");
}

TEST(Confinement, BoundsWhatTheProcessSays) {
  const Ground ground;
  const std::string block(std::size_t{1} << 20, 'x');
  std::size_t heard = 0;
  WorkInProcess process(
      [&](const Tell& tell) {
        for (;;)
          tell(block);
      },
      {{}}, "the test");
  EXPECT_STREQ(thrown_by([&] {
                 process.finish([&heard](std::string_view said) { heard += said.size(); });
               }).what(),
               "the test says what it cannot have to say");
  EXPECT_EQ(heard, WorkInProcess::kMaxSaidBytes);
}

// What the confined process says that it lacks.
Lines lacks(FdRef dir) {
  WorkInProcess process([&](const Tell& tell) { tell(confine_to(dir)); }, {{dir.get()}},
                        "the test");
  Lines said;
  process.finish([&said](std::string_view line) { said.emplace_back(line); });
  return said;
}

#ifdef LAYERBOX_FAULTS
TEST(Confinement, HoldsByItsRootWithoutLandlockAndSaysSo) {
  as_everybody([] {
    ::setenv("LAYERBOX_FAULT_LANDLOCK", "1", 1);
    const Ground ground;
    expect_files_are_kept(ground);
    EXPECT_EQ(lacks(ground.dir), Lines{"Landlock (Linux 5.19 and later)"});
  });
}
#endif

TEST(Confinement, HoldsByLandlockWithoutARootAndSaysSo) {
  LAYERBOX_NEED_ROOT();
  EXPECT_EQ(in_child([] {
              const UniqueFd ns =
                  make_user_namespace(IdMap::shifted(500000, 10), current_identity());
              call_in_user_namespace(ns, [] {
                std::ofstream("/proc/sys/user/max_user_namespaces") << "0" << std::flush;
                __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
                __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
                if (::syscall(SYS_capset, &header, none) != 0) throw_errno(errno, "capset");
                const Ground ground;
                expect_files_are_kept(ground);
                EXPECT_EQ(lacks(ground.dir), Lines{"a root of its own"});
                if (::testing::Test::HasFailure()) throw Error(ErrorKind::system, "see above");
              });
            }),
            0);
}

} // namespace
} // namespace layerbox::test
