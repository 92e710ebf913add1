#include "base/userns.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/call_in_process.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/pipe.hpp"
#include "base/stream.hpp"
#include "base/subordinate_ids.hpp"
#include "base/userns_refusal.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxMapBytes = std::size_t{64} << 10; // at most 340 ranges

pid_t fork_child() {
  const pid_t pid = ::fork();
  if (pid < 0) throw_no_user_namespace(errno, "start a process for a user namespace");
  return pid;
}

void become_root_of(FdRef ns) {
  if (::setns(ns.get(), CLONE_NEWUSER) != 0) throw_errno(errno, "enter the user namespace");
  // Denied where setgroups is; the groups then stay as they are, which gives no more than before.
  if (::setgroups(0, nullptr) != 0 && errno != EPERM) throw_errno(errno, "drop the groups");
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    throw_errno(errno, "become root of the user namespace");
}

// The child of make_user_namespace, which makes one, and of map_of_user_namespace, which enters
// `ns`: says how that went, and stays until the parent is done.
[[noreturn]] void hold_namespace(Pipe& ready, Pipe& hold, pid_t parent, FdRef ns) {
  end_with_parent(parent);
  hold.write.reset();
  const int done = ns.get() < 0 ? ::unshare(CLONE_NEWUSER) : ::setns(ns.get(), CLONE_NEWUSER);
  const int error_number = done == 0 ? 0 : errno;
  if (::write(ready.write.get(), &error_number, sizeof error_number) < 0) ::_exit(1);
  ready.write.reset();
  char byte = 0;
  while (::read(hold.read.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

// The errno that the child tells, 0 for none.
int hear(Pipe& ready) {
  ready.write.reset();
  FdSource source(ready.read, "a pipe");
  const std::string said = read_all(source, sizeof(int), "a pipe");
  int error_number = EIO;
  if (said.size() == sizeof error_number) std::memcpy(&error_number, said.data(), said.size());
  return error_number;
}

void await_namespace(Pipe& ready) {
  const int error_number = hear(ready);
  if (error_number == 0) return;
  throw_no_user_namespace(error_number, "make a user namespace");
}

} // namespace

UniqueFd make_user_namespace(const IdMap& map, const Identity& who) {
  Pipe ready = make_pipe();
  Pipe hold = make_pipe();
  const pid_t parent = ::getpid();
  const pid_t pid = fork_child();
  if (pid == 0) hold_namespace(ready, hold, parent, FdRef(-1));
  const auto let_go = [&] {
    hold.write.reset();
    wait_for_child(pid);
  };
  try {
    await_namespace(ready);
    write_id_maps(pid, map, who);
    UniqueFd ns = open_path("/proc/" + std::to_string(pid) + "/ns/user", O_RDONLY);
    let_go();
    return ns;
  } catch (...) {
    if (hold.write) let_go();
    throw;
  }
}

IdMap map_of_user_namespace(FdRef ns) {
  Pipe ready = make_pipe();
  Pipe hold = make_pipe();
  const pid_t parent = ::getpid();
  const pid_t pid = fork_child();
  if (pid == 0) hold_namespace(ready, hold, parent, ns);
  const auto map = [&](const char* name) {
    const std::string path = "/proc/" + std::to_string(pid) + '/' + name;
    const UniqueFd file = open_path(path, O_RDONLY);
    FdSource source(file, path);
    return parse_id_map(read_all(source, kMaxMapBytes, path));
  };
  const auto let_go = [&] {
    hold.write.reset();
    wait_for_child(pid);
  };
  try {
    if (const int error_number = hear(ready)) throw_errno(error_number, "enter the user namespace");
    IdMap found{map("uid_map"), map("gid_map")};
    let_go();
    return found;
  } catch (...) {
    if (hold.write) let_go();
    throw;
  }
}

void call_in_user_namespace(FdRef ns, const std::function<void()>& work) {
  const pid_t parent = ::getpid();
  call_in_process([&] {
    become_root_of(ns);
    end_with_parent(parent);
    work();
  });
}

} // namespace layerbox
