#include "tests/runner/box.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/cgroup_end.hpp"
#include "base/error.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/cgroups.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBusybox = "/bin/busybox";

struct Pipe {
  UniqueFd read, write;
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
};

std::string read_all(FdRef fd) {
  std::string text;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

// The outcome as lines, each with its newlines taken out; the first is the status.
std::string outcome_text(const RunSpec& spec, const Launcher::Options& options) {
  std::ostringstream text;
  try {
    const RunOutcome outcome = run_container(spec, options.identity, options.hooks);
    text << outcome.exit_status << '\n' << outcome.failure << '\n' << outcome.hint << '\n';
    text << outcome.oom_killed << '\n';
    if (!outcome.cgroups_left.empty()) text << "cgroups left: " << outcome.cgroups_left << '\n';
  } catch (const Error& error) {
    text << 125 << '\n' << error.what() << '\n' << error.hint() << '\n';
  } catch (const std::exception& error) {
    text << 124 << '\n' << error.what() << '\n' << '\n';
  }
  return text.str();
}

UniqueFd input_of(const std::string& text) {
  if (text.empty()) return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd file(::memfd_create("input", MFD_CLOEXEC));
  if (::write(file.get(), text.data(), text.size()) < 0) std::abort();
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

} // namespace

BusyboxRootfs::BusyboxRootfs() : path_(temp_.path() + "/rootfs") {
  ::chmod(temp_.path().c_str(), 0755);
  for (const char* name : {"", "/bin", "/etc", "/tmp", "/root", "/home"})
    fs::create_directory(path_ + name);
  fs::copy_file(kBusybox, at("bin/busybox"));
  fs::permissions(at("bin/busybox"), fs::perms(0755));
  for (const char* name :
       {"sh",   "cat",  "ls",     "id",       "echo",     "true",  "false",  "sleep",  "readlink",
        "stat", "grep", "ps",     "kill",     "hostname", "pwd",   "env",    "touch",  "mkdir",
        "head", "tail", "wc",     "tty",      "stty",     "dd",    "test",   "printf", "cut",
        "sort", "rm",   "chown",  "ifconfig", "tr",       "mount", "umount", "df",     "mkfifo",
        "ln",   "find", "setsid", "mknod",    "xargs",    "sed",   "awk",    "nproc",  "chmod"})
    link("busybox", std::string("bin/") + name);
  write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
                      "web:x:33:44:web:/home/web:/bin/sh\n");
  write("etc/group", "root:x:0:\nweb:x:44:\nadm:x:4:root,web\nlog:x:70:web\n");
}

void BusyboxRootfs::write(std::string_view name, std::string_view content, mode_t mode) const {
  fs::create_directories(fs::path(at(name)).parent_path());
  std::ofstream(at(name), std::ios::binary) << content;
  ::chmod(at(name).c_str(), mode);
}

std::string BusyboxRootfs::read(std::string_view name) const {
  std::ifstream file(at(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void BusyboxRootfs::link(std::string_view text, std::string_view name) const {
  fs::create_symlink(text, at(name));
}

void BusyboxRootfs::give_to(uid_t uid) const {
  if (::chown(path_.c_str(), uid, uid) != 0) std::abort();
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path_))
    if (::lchown(entry.path().c_str(), uid, uid) != 0) std::abort();
}

RunSpec spec(const BusyboxRootfs& rootfs, std::vector<std::string> args) {
  RunSpec spec;
  spec.container_id = std::string(64, 'a');
  spec.rootfs.anchor = rootfs.path();
  spec.process.args = std::move(args);
  spec.process.capabilities = default_capabilities();
  spec.id_map = IdMap::shifted(kFirstOutsideId, 65536);
  spec.idmap_rootfs = true;
  spec.masked_paths = default_masked_paths();
  spec.read_only_paths = default_read_only_paths();
  return spec;
}

RunSpec limited(RunSpec spec, Limits limits, EndedBy end) {
  spec.container_id = random_token() + random_token();
  spec.limits = std::move(limits);
  spec.cgroups = place_cgroups(spec.limits, spec.container_id, spec.cgroup_parent, end);
  return spec;
}

pid_t first_process_of(pid_t launcher) {
  const std::string id = std::to_string(launcher);
  std::ifstream children("/proc/" + id + "/task/" + id + "/children");
  pid_t child = 0;
  children >> child;
  return child;
}

void kill_first_process_of(const Launcher& launcher) {
  const pid_t first = first_process_of(launcher.pid());
  if (first > 0) // 0 would be all of us
    ::kill(first, SIGKILL);
  else
    ADD_FAILURE() << "there is no container";
}

std::vector<std::string> cgroups_left(const RunSpec& spec) {
  std::vector<std::string> left;
  for (const std::string& path : cgroup_paths(spec.cgroups))
    if (fs::exists(path)) left.push_back(path);
  return left;
}

// Dead, and its parent has not asked yet.
static bool is_zombie(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.find(") Z ") != std::string::npos || text.find(") X ") != std::string::npos;
}

std::vector<pid_t> processes_of(const RunSpec& spec) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file("/proc/" + name + "/cgroup");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.find(cgroup_name(spec.container_id)) != std::string::npos && !is_zombie(name))
      found.push_back(std::stoi(name));
  }
  return found;
}

RunSpec shell_spec(const BusyboxRootfs& rootfs, std::string_view script) {
  return spec(rootfs, {"sh", "-c", std::string(script)});
}

Identity root_identity() {
  Identity identity;
  identity.privilege = Privilege::root;
  return identity;
}

Identity single_identity(uid_t uid) {
  Identity identity;
  identity.privilege = Privilege::single;
  identity.uid = uid;
  identity.gid = uid;
  identity.store_map = IdMap::single(uid, uid);
  identity.reason = "the test says so";
  return identity;
}

RunSpec single_spec(RunSpec spec, uid_t uid) {
  spec.id_map = IdMap::single(uid, uid);
  spec.idmap_rootfs = false;
  return spec;
}

Launcher::Launcher(const RunSpec& spec, Options options) {
  Pipe out, err, outcome;
  UniqueFd input = input_of(options.input);
  pid_ = ::fork();
  if (pid_ < 0) std::abort();
  if (pid_ == 0) {
    if (options.before) options.before();
    if (options.terminal) {
      ::setsid();
      ::ioctl(*options.terminal, TIOCSCTTY, 0);
      for (int fd = 0; fd <= 2; ++fd)
        ::dup2(*options.terminal, fd);
    } else {
      ::dup2(input.get(), 0);
      ::dup2(out.write.get(), 1);
      ::dup2(err.write.get(), 2);
    }
    if (options.identity.privilege != Privilege::root && ::geteuid() == 0) {
      const uid_t uid = options.identity.uid;
      if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 ||
          ::setresuid(uid, uid, uid) != 0 ||
          // As a program that this user has executed is; else /proc/PID would be root's.
          ::prctl(PR_SET_DUMPABLE, 1) != 0)
        ::_exit(123);
    }
    // A test that is killed leaves no launcher, and with it no container. After the change of ids,
    // which would clear it.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Without these our pipes would stay open in here and no end of file would come.
    for (Pipe* pipe : {&out, &err}) {
      pipe->read.reset();
      pipe->write.reset();
    }
    if (options.at_entry) options.at_entry();
    const std::string text = outcome_text(spec, options);
    ::_exit(::write(outcome.write.get(), text.data(), text.size()) < 0 ? 122 : 0);
  }
  out_fd_ = std::move(out.read);
  err_fd_ = std::move(err.read);
  outcome_fd_ = std::move(outcome.read);
}

Launcher::~Launcher() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Launcher::wait_for_output(std::string_view text) {
  std::array<char, 4096> block{};
  while (out_.find(text) == std::string::npos) {
    const ssize_t got = ::read(out_fd_.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      ADD_FAILURE() << "the output ended without '" << text << "': " << out_ << read_all(err_fd_)
                    << read_all(outcome_fd_);
      return;
    }
    out_.append(block.data(), static_cast<std::size_t>(got));
  }
}

void Launcher::send(int signal) const {
  ::kill(pid_, signal);
}

Result Launcher::wait() {
  Result result;
  result.out = out_ + read_all(out_fd_);
  result.err = read_all(err_fd_);
  std::istringstream outcome(read_all(outcome_fd_));
  outcome >> result.status;
  outcome.ignore();
  std::getline(outcome, result.failure);
  std::getline(outcome, result.hint);
  outcome >> result.oom_killed;
  outcome.ignore();
  std::string left;
  if (std::getline(outcome, left)) ADD_FAILURE() << left;
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  return result;
}

int Launcher::wait_killed() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

Result run(const RunSpec& spec, Launcher::Options options) {
  return Launcher(spec, std::move(options)).wait();
}

bool must_run(std::string_view capability) {
  const char* list = ::getenv("LAYERBOX_TESTS_MUST_RUN");
  if (list == nullptr) return false;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');)
    if (word == capability) return true;
  return false;
}

std::string why_no_limits() {
  Limits limits;
  limits.memory.limit = 64 << 20;
  limits.cpu = {.shares = 512, .quota_us = 50'000, .period_us = 100'000, .cpus = "0"};
  limits.pids = 50;
  try {
    const std::string id = random_token();
    (void)Cgroups::make(place_cgroups(limits, id, ""));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string why_no_root() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(::unshare(CLONE_NEWNS) == 0 ? 0 : errno);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WEXITSTATUS(status) != 0)
    return "unshare of the mount namespace: " + errno_text(WEXITSTATUS(status));
  return ::access(kBusybox, X_OK) == 0 ? "" : "/bin/busybox: " + errno_text(errno);
}

bool process_exists(pid_t pid) {
  return ::kill(pid, 0) == 0 || errno != ESRCH;
}

bool eventually(const std::function<bool()>& condition) {
  constexpr int kTries = 3000;
  for (int i = 0; i < kTries; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::string own_mounts() {
  std::ifstream file("/proc/self/mountinfo");
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace layerbox::test
