#include "base/userns.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

struct Pipe {
  UniqueFd read_end, write_end;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno(errno, "make a pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw_errno(errno, "wait for a child process");
  return status;
}

// One write(2) is the kernel's rule for these files (user_namespaces(7)).
void write_proc_file(pid_t pid, const char* file, std::string_view text) {
  const std::string path = "/proc/" + std::to_string(pid) + '/' + file;
  const UniqueFd fd = open_path(path, O_WRONLY);
  if (::write(fd.get(), text.data(), text.size()) < 0) throw_errno(errno, "write '" + path + "'");
}

bool all_ids_are_own(const IdMap& map) {
  return map.uids.size() == 1 && map.uids[0].count == 1 && map.gids.size() == 1 &&
         map.gids[0].count == 1;
}

pid_t start_map_helper(const std::string& program, pid_t target, const std::vector<IdRange>& ranges,
                       FdRef errors) {
  std::vector<std::string> words{program, std::to_string(target)};
  for (const IdRange& r : ranges)
    for (const std::uint32_t n : {r.inside, r.outside, r.count})
      words.push_back(std::to_string(n));
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::vfork();
  if (pid < 0) throw_errno(errno, "start " + program);
  if (pid == 0) {
    ::dup2(errors.get(), STDERR_FILENO);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  return pid;
}

void map_through_helpers(pid_t target, const IdMap& map) {
  const auto newuidmap = find_in_path("newuidmap");
  const auto newgidmap = find_in_path("newgidmap");
  if (!newuidmap || !newgidmap)
    throw Error(ErrorKind::unsupported, "map user ids: newuidmap and newgidmap are not installed")
        .set_hint("install the Debian package uidmap");
  Pipe errors;
  const pid_t first = start_map_helper(*newuidmap, target, map.uids, errors.write_end);
  const pid_t second = start_map_helper(*newgidmap, target, map.gids, errors.write_end);
  const int status_uid = wait_for(first);
  const int status_gid = wait_for(second);
  if (status_uid == 0 && status_gid == 0) return;
  errors.write_end.reset();
  FdSource source(errors.read_end, "newuidmap");
  std::string said = printable(read_all(source, 65536, "newuidmap"));
  while (said.ends_with("\\x0a"))
    said.resize(said.size() - 4);
  throw Error(ErrorKind::permission_denied, "map user ids: " + said)
      .set_hint("check the ranges in /etc/subuid and /etc/subgid, and that newuidmap and newgidmap "
                "are setuid root or have their file capabilities");
}

// What call_in_user_namespace's child says through its pipe; the texts follow.
struct ErrorHead {
  ErrorKind kind;
  int error_number;
  std::uint32_t message_bytes;
  std::uint32_t hint_bytes;
};

void send_error(FdRef fd, const Error& error) {
  const std::string_view message = error.what();
  const ErrorHead head{error.kind(), error.error_number(),
                       static_cast<std::uint32_t>(message.size()),
                       static_cast<std::uint32_t>(error.hint().size())};
  write_all(fd, std::as_bytes(std::span(&head, 1)), "a pipe");
  write_all(fd, std::as_bytes(std::span(message)), "a pipe");
  write_all(fd, std::as_bytes(std::span(error.hint())), "a pipe");
}

[[noreturn]] void rethrow(const std::string& said) {
  ErrorHead head{};
  if (said.size() < sizeof head)
    throw Error(ErrorKind::system, "work in a user namespace ended before it was done");
  std::memcpy(&head, said.data(), sizeof head);
  Error error(head.kind, said.substr(sizeof head, head.message_bytes), head.error_number);
  error.set_hint(said.substr(sizeof head + head.message_bytes, head.hint_bytes));
  throw error;
}

void become_root_of(FdRef ns) {
  if (::setns(ns.get(), CLONE_NEWUSER) != 0) throw_errno(errno, "enter the user namespace");
  // Denied where setgroups is; the groups then stay as they are, which gives no more than before.
  if (::setgroups(0, nullptr) != 0 && errno != EPERM) throw_errno(errno, "drop the groups");
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    throw_errno(errno, "become root of the user namespace");
}

[[noreturn]] void child_in_namespace(FdRef ns, FdRef report, pid_t parent,
                                     const std::function<void()>& work) {
  int status = 0;
  try {
    become_root_of(ns);
    // After the change of ids, which would clear it (PR_SET_PDEATHSIG(2const)).
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    work();
  } catch (const Error& error) {
    status = 1;
    send_error(report, error);
  } catch (const std::exception& error) {
    status = 1;
    send_error(report, Error(ErrorKind::system, error.what()));
  }
  ::_exit(status);
}

} // namespace

std::optional<std::string> find_in_path(const char* program) {
  const char* path = std::getenv("PATH");
  std::string rest = path != nullptr ? path : "";
  rest += ":/usr/bin:/bin";
  for (std::size_t at = 0; at < rest.size();) {
    const std::size_t end = std::min(rest.find(':', at), rest.size());
    const std::string candidate = rest.substr(at, end - at) + '/' + program;
    if (candidate[0] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return std::nullopt;
}

void write_id_maps(pid_t pid, const IdMap& map, const Identity& who) {
  const bool direct = ::geteuid() == 0 || all_ids_are_own(map);
  if (!direct) return map_through_helpers(pid, map);
  // Without CAP_SETGID in the parent namespace a group map needs setgroups denied first.
  if (who.privilege == Privilege::single) write_proc_file(pid, "setgroups", "deny");
  write_proc_file(pid, "uid_map", id_map_text(map.uids));
  write_proc_file(pid, "gid_map", id_map_text(map.gids));
}

UniqueFd make_user_namespace(const IdMap& map, const Identity& who) {
  Pipe ready, hold;
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno(errno, "start a process for a user namespace");
  if (pid == 0) {
    hold.write_end.reset();
    const int error_number = ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
    if (::write(ready.write_end.get(), &error_number, sizeof error_number) < 0) ::_exit(1);
    char byte = 0;
    const ssize_t ended = ::read(hold.read_end.get(), &byte, 1); // until the parent has its handle
    ::_exit(ended < 0 ? 1 : 0);
  }
  ready.write_end.reset();
  UniqueFd ns;
  const auto finish = [&] {
    hold.write_end.reset();
    wait_for(pid);
  };
  try {
    int error_number = EIO;
    const ssize_t got = ::read(ready.read_end.get(), &error_number, sizeof error_number);
    if (got != sizeof error_number || error_number != 0) {
      Error error(ErrorKind::unsupported, "make a user namespace: " + errno_text(error_number),
                  error_number);
      error.set_hint("user namespaces may be switched off: see user.max_user_namespaces, "
                     "kernel.unprivileged_userns_clone and AppArmor's "
                     "kernel.apparmor_restrict_unprivileged_userns in sysctl");
      throw error;
    }
    write_id_maps(pid, map, who);
    ns = open_path("/proc/" + std::to_string(pid) + "/ns/user", O_RDONLY);
  } catch (...) {
    finish();
    throw;
  }
  finish();
  return ns;
}

void call_in_user_namespace(FdRef ns, const std::function<void()>& work) {
  Pipe report;
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno(errno, "start a process for a user namespace");
  if (pid == 0) child_in_namespace(ns, report.write_end, parent, work);
  report.write_end.reset();
  FdSource source(report.read_end, "a pipe");
  const std::string said = read_all(source, std::size_t{1} << 20, "a pipe");
  const int status = wait_for(pid);
  if (!said.empty() || status != 0) rethrow(said);
}

} // namespace layerbox
