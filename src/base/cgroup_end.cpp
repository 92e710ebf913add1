#include "base/cgroup_end.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "base/unique_fd.hpp"
#include "base/walk.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxProcsBytes = std::size_t{64} << 20; // 4 million processes of 7 digits
constexpr std::size_t kMaxProcCgroupBytes = std::size_t{1} << 20;
constexpr int kMaxDepth = 64; // cgroups below a container's own
// A killed process goes at once, unless the kernel holds it in a device or a dead network mount.
constexpr std::chrono::seconds kMaxWait{10};
constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::milliseconds kLongestPause{50};

enum class Wrote : bool { no_such_file, done };

Wrote write_file_of(FdRef dir, const char* name, std::string_view text) {
  const auto file = try_open_beneath(dir, RelPath::parse(name), O_WRONLY | O_CLOEXEC);
  if (!file) return Wrote::no_such_file;
  write_all(*file, std::as_bytes(std::span(text)), name);
  return Wrote::done;
}

bool is_in_cgroup(pid_t pid, std::string_view name) {
  return cgroups_of_process(pid).find('/' + std::string(name)) != std::string::npos;
}

// Looked at after the opening: what is seen is seen of the process behind the descriptor, or of
// none, because its number is not given away while it is there.
void kill_one(pid_t pid, std::string_view name) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process && is_in_cgroup(pid, name))
    (void)::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
}

std::vector<std::string> cgroups_below(FdRef dir) {
  std::vector<std::string> names = list_dir(dir);
  std::erase_if(names, [&](const std::string& entry) {
    const auto status = try_stat_at(dir, entry.c_str());
    return !status || !S_ISDIR(status->st_mode);
  });
  return names;
}

std::optional<UniqueFd> try_open_dir(FdRef dir, std::string_view name) {
  return try_open_beneath(dir, RelPath::parse(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void kill_each(FdRef dir, std::string_view name, int depth) {
  for (const pid_t pid : processes_in_cgroup(dir))
    kill_one(pid, name);
  if (depth == kMaxDepth) return;
  for (const std::string& below : cgroups_below(dir))
    if (const auto child = try_open_dir(dir, below)) kill_each(*child, name, depth + 1);
}

void kill_all(FdRef dir, std::string_view name) {
  if (write_file_of(dir, "cgroup.kill", "1") == Wrote::done) return;
  // Version 1. What is frozen neither forks nor ends, so that one look finds all; a kill is obeyed
  // at the thaw. Where there is no freezer, the caller looks again until nothing is left.
  const bool frozen = write_file_of(dir, "freezer.state", "FROZEN") == Wrote::done;
  kill_each(dir, name, 0);
  if (frozen) write_file_of(dir, "freezer.state", "THAWED");
}

// 0, or the errno of what is in the way.
int try_remove(FdRef parent, const char* name, int depth) {
  if (::unlinkat(parent.get(), name, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  const int error = errno;
  if (error != EBUSY || depth == kMaxDepth) return error;
  const auto dir = try_open_dir(parent, name);
  if (!dir) return 0;
  const std::vector<std::string> below = cgroups_below(*dir);
  for (const std::string& child : below)
    if (const int why = try_remove(*dir, child.c_str(), depth + 1)) return why;
  if (below.empty()) return error;
  return ::unlinkat(parent.get(), name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
}

void require_cgroup(FdRef dir) {
  struct statfs status {};
  if (::fstatfs(dir.get(), &status) != 0) throw_errno(errno, "look at its file system");
  const auto magic = static_cast<unsigned long>(status.f_type);
  if (magic != CGROUP_SUPER_MAGIC && magic != CGROUP2_SUPER_MAGIC)
    throw Error(ErrorKind::corrupt, "it is no cgroup");
}

void end_cgroup(const RelPath& path, std::string_view name) {
  if (path.filename() != name) throw Error(ErrorKind::corrupt, "it is another's cgroup");
  const UniqueFd top = open_path("/", O_PATH | O_DIRECTORY);
  const auto parent = try_open_beneath(top, path.parent(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!parent) return;
  const std::string last(name);
  const auto dir = try_open_dir(*parent, last);
  if (!dir) return;
  require_cgroup(*dir);
  const auto give_up = std::chrono::steady_clock::now() + kMaxWait;
  auto pause = kFirstPause;
  for (;;) {
    const int why = try_remove(*parent, last.c_str(), 0);
    if (why == 0) return;
    if (why != EBUSY) throw_errno(why, "remove it");
    if (std::chrono::steady_clock::now() > give_up)
      throw Error(ErrorKind::in_use, "its processes do not end though killed", EBUSY);
    try {
      kill_all(*dir, name);
    } catch (const Error& error) {
      // Somebody else has just removed it: the layerbox that ran the container, most likely.
      if (error.error_number() != ENODEV && error.error_number() != ENOENT) throw;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

} // namespace

std::vector<pid_t> processes_in_cgroup(FdRef dir) {
  const UniqueFd file = open_beneath(dir, RelPath::parse("cgroup.procs"), O_RDONLY | O_CLOEXEC);
  FdSource source(file, "cgroup.procs");
  const std::string text = read_all(source, kMaxProcsBytes, "cgroup.procs");
  std::vector<pid_t> pids;
  for (const char* at = text.data(); at < text.data() + text.size(); ++at) {
    pid_t pid = 0;
    at = std::from_chars(at, text.data() + text.size(), pid).ptr;
    if (pid > 0) pids.push_back(pid); // 0 stands for a process of a namespace we cannot see into
  }
  return pids;
}

std::string cgroups_of_process(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/cgroup";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  try {
    FdSource source(file, path);
    return read_all(source, kMaxProcCgroupBytes, path);
  } catch (const Error&) {
    return {}; // it ended between the open and the read (ESRCH)
  }
}

std::string cgroup_name(std::string_view container_id) {
  return std::string("layerbox-").append(container_id);
}

void end_cgroups(const std::vector<std::string>& paths, std::string_view name) {
  std::optional<Error> first;
  for (const std::string& path : paths) {
    try {
      with_context([&] { return "ending the cgroup '" + printable(path) + "'"; },
                   [&] { end_cgroup(RelPath::parse(path), name); });
    } catch (const Error& error) {
      if (!first) first = error;
    }
  }
  if (first) throw Error(*first);
}

} // namespace layerbox
