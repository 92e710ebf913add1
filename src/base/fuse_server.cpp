#include "base/fuse_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/userns_refusal.hpp"

namespace layerbox {
namespace {

constexpr int kDeviceFd = 3; // in the server
constexpr int kLockFd = 4;
constexpr unsigned kFirstSpare = 16;
constexpr const char* kPerch = "/proc"; // where its root is put together
constexpr const char* kStore = "/store";

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// Layers lie side by side by the hundred: their directory is shown, "layers/sha256".
std::string shelf_of(const std::string& path) {
  const std::size_t first = path.find('/');
  const std::size_t second = first == std::string::npos ? first : path.find('/', first + 1);
  return path.substr(0, second);
}

bool is_below(const std::string& path, const std::string& directory) {
  return directory.empty() || path.starts_with(directory + '/');
}

// From here on: in the process that becomes the server. Nothing is allocated, and nobody is there
// to catch what is thrown.

[[noreturn]] void give_up(const char* what, const char* object = "") {
  (void)::dprintf(STDERR_FILENO, "%s %s: %s\n", what, object, ::strerror(errno));
  ::_exit(1);
}

void must(long result, const char* what, const char* object = "") {
  if (result < 0) give_up(what, object);
}

int clone_tree_of(const char* path, unsigned flags) {
  return static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags));
}

void put_tree(int tree, const char* target, bool writable) {
  struct mount_attr wanted {};
  wanted.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (!writable) wanted.attr_set |= MOUNT_ATTR_RDONLY;
  must(::syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted),
       "restrict", target);
  must(::syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH), "attach",
       target);
  (void)::close(tree);
}

struct Path {
  char text[PATH_MAX];
  Path(const char* a, const char* b, const char* c) {
    if (std::snprintf(text, sizeof text, "%s%s%s", a, b, c) >= static_cast<int>(sizeof text)) {
      errno = ENAMETOOLONG;
      give_up("name", a);
    }
  }
};

void make_directories(char* path, std::size_t from) {
  for (char* at = path + from; *at != '\0'; ++at) {
    if (*at != '/') continue;
    *at = '\0';
    if (::mkdir(path, 0755) != 0 && errno != EEXIST) give_up("make", path);
    *at = '/';
  }
  if (::mkdir(path, 0755) != 0 && errno != EEXIST) give_up("make", path);
}

// The system as the host has it: directories, or symlinks into /usr.
void show_system(const char* name) {
  const Path host("/", name, "");
  Path here(kPerch, "/", name);
  struct stat status {};
  if (::lstat(host.text, &status) != 0) return;
  if (S_ISLNK(status.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = ::readlink(host.text, target, sizeof target - 1);
    must(length, "read", host.text);
    target[length] = '\0';
    must(::symlink(target, here.text), "make", here.text);
    return;
  }
  const int tree = clone_tree_of(host.text, AT_RECURSIVE);
  must(tree, "clone", host.text);
  must(::mkdir(here.text, 0755), "make", here.text);
  put_tree(tree, here.text, false);
}

// A fresh one where the kernel lets us, else the host's.
void show_proc(int host_proc) {
  const Path here(kPerch, "/proc", "");
  must(::mkdir(here.text, 0755), "make", here.text);
  if (::mount("proc", here.text, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0) return;
  must(::syscall(SYS_move_mount, host_proc, "", AT_FDCWD, here.text, MOVE_MOUNT_F_EMPTY_PATH),
       "attach", here.text);
}

void limit_capabilities() {
  constexpr std::uint64_t kNeeded =
      1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_FOWNER |
      1U << CAP_FSETID | 1U << CAP_MKNOD | std::uint64_t{1} << CAP_SETFCAP;
  for (unsigned long number = 0; number < 64; ++number)
    if ((kNeeded >> number & 1U) == 0 && ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0 &&
        errno != EINVAL)
      give_up("drop capabilities");
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "keep from getting more rights");
}

void enter_as_root(FdRef ns) {
  must(::setns(ns.get(), CLONE_NEWUSER), "enter the store's user namespace");
  // Denied where setgroups is.
  if (::setgroups(0, nullptr) != 0 && errno != EPERM) give_up("drop the groups");
  must(::setresgid(0, 0, 0), "become root");
  must(::setresuid(0, 0, 0), "become root");
}

// As at birth: what we block and ignore is not the server's business.
void reset_signals() {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    (void)::sigaction(number, &by_default, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Each to its place, whatever places they had; nothing else stays open.
void arrange(const FuseServer::Descriptors& fds) {
  const std::array<int, 4> given{fds.nothing, fds.notebook, fds.device, fds.lock};
  std::array<int, 4> spare{};
  for (std::size_t i = 0; i < given.size(); ++i)
    spare[i] = given[i] < 0 ? -1 : ::fcntl(given[i], F_DUPFD, static_cast<int>(kFirstSpare));
  const std::array<std::pair<int, int>, 5> places{{{spare[1], STDERR_FILENO},
                                                   {spare[1], STDOUT_FILENO},
                                                   {spare[0], STDIN_FILENO},
                                                   {spare[2], kDeviceFd},
                                                   {spare[3], kLockFd}}};
  for (const auto& [from, to] : places)
    if (from >= 0) must(::dup2(from, to), "arrange descriptors");
  const unsigned first = fds.lock < 0 ? kLockFd : kLockFd + 1;
  must(::syscall(SYS_close_range, first, ~0U, 0), "close descriptors");
}

} // namespace

FuseServer::FuseServer(const MountPlan& plan, std::string program)
    : anchor_(plan.anchor), program_(std::move(program)) {
  std::string options = "lowerdir=";
  const std::string home = parent_of(plan.upper);
  if (!plan.upper.empty()) {
    shown_.push_back({home, true});
    written_ = {plan.upper, plan.work};
  }
  for (const std::string& lower : plan.lower) {
    if (options.back() != '=') options += ':';
    options += lower;
    if (!plan.upper.empty() && is_below(lower, home)) continue;
    const std::string shelf = shelf_of(lower);
    if (std::none_of(shown_.begin(), shown_.end(), [&](const Shown& s) { return s.path == shelf; }))
      shown_.push_back({shelf, false});
  }
  if (!plan.upper.empty()) options += ",upperdir=" + plan.upper + ",workdir=" + plan.work;
  for (const std::string& option : plan.options)
    options += ',' + option;
  words_ = {"fuse-overlayfs", "-f", "-o", options, "/dev/fd/" + std::to_string(kDeviceFd)};
}

// Each to its own place of the new root, which becomes the process's.
void FuseServer::enter_root() const {
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
  const int host_proc = clone_tree_of("/proc", AT_RECURSIVE);
  must(host_proc, "clone", "/proc");
  const int store = static_cast<int>(
      ::syscall(SYS_openat, AT_FDCWD, anchor_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  must(store, "open the store");
  must(::mount("tmpfs", kPerch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=256k"),
       "mount a root");
  for (const char* name : {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"})
    show_system(name);
  show_proc(host_proc);
  (void)::close(host_proc);
  must(::fchdir(store), "enter the store");
  for (const Shown& shown : shown_) {
    const int tree = clone_tree_of(shown.path.empty() ? "." : shown.path.c_str(), 0);
    must(tree, "clone", shown.path.c_str());
    Path target(kPerch, kStore, "");
    make_directories(target.text, std::strlen(kPerch) + 1);
    if (!shown.path.empty()) {
      target = Path(kPerch, kStore, "/");
      (void)std::strncat(target.text, shown.path.c_str(),
                         sizeof target.text - std::strlen(target.text) - 1);
      make_directories(target.text, std::strlen(kPerch) + 1);
    }
    put_tree(tree, target.text, shown.writable);
  }
  (void)::close(store);
  must(::chdir(kPerch), "enter its root");
  must(::syscall(SYS_pivot_root, ".", "."), "take its root");
  must(::umount2(".", MNT_DETACH), "leave the host's root");
  must(::chdir(kStore), "enter the store");
}

// Files are written, made, renamed and removed below these alone. Nothing where Landlock cannot
// tell renaming between directories (before Linux 5.19).
void FuseServer::hold_writing() const {
  constexpr std::uint64_t kWriting = std::uint64_t{0x3ff2}; // WRITE_FILE, REMOVE_*, MAKE_*, REFER
  constexpr long kRefer = 2;
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < kRefer)
    return;
  struct landlock_ruleset_attr held {};
  held.handled_access_fs = kWriting;
  const int rules =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &held, sizeof held, 0U));
  must(rules, "make Landlock rules");
  for (const std::string& path : written_) {
    struct landlock_path_beneath_attr rule {};
    rule.allowed_access = kWriting;
    rule.parent_fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(rule.parent_fd, "open", path.c_str());
    must(::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U),
         "add a Landlock rule");
    (void)::close(rule.parent_fd);
  }
  must(::syscall(SYS_landlock_restrict_self, rules, 0U), "hold to Landlock rules");
  (void)::close(rules);
}

void FuseServer::become(const Descriptors& fds) const {
  std::array<char*, 8> argv{};
  for (std::size_t i = 0; i < words_.size(); ++i)
    argv[i] = const_cast<char*>(words_[i].c_str()); // execve(2) writes nothing
  std::array<char*, 1> no_environment{nullptr};
  arrange(fds);
  reset_signals();
  must(::setsid(), "make a session");
  enter_root();
  limit_capabilities();
  hold_writing();
  (void)::execve(program_.c_str(), argv.data(), no_environment.data());
  give_up("execute", program_.c_str());
}

pid_t FuseServer::start(const Descriptors& fds, FdRef user_namespace) const {
  Pipe born = make_pipe();
  // Namespaces are made in the user namespace that was entered: by a process between us and the
  // server, which is our child all the same.
  const pid_t between = ::fork();
  if (between < 0) throw_no_user_namespace(errno, "start a process for fuse-overlayfs");
  if (between == 0) {
    (void)::dup2(fds.notebook, STDERR_FILENO);
    if (user_namespace.get() >= 0) enter_as_root(user_namespace);
    constexpr unsigned long kOwn = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC;
    const long pid =
        ::syscall(SYS_clone, kOwn | CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) become(fds);
    must(pid, "make namespaces");
    const auto number = static_cast<std::int32_t>(pid);
    ::_exit(::write(born.write.get(), &number, sizeof number) == sizeof number ? 0 : 1);
  }
  born.write.reset();
  std::int32_t pid = -1;
  ssize_t got = 0;
  while ((got = ::read(born.read.get(), &pid, sizeof pid)) < 0 && errno == EINTR) {
  }
  int status = 0;
  while (::waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }
  if (got == static_cast<ssize_t>(sizeof pid)) return pid;
  throw Error(ErrorKind::system, "the process of fuse-overlayfs was not made");
}

} // namespace layerbox
