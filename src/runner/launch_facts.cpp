#include "runner/launch_facts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/process_facts.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {
namespace {

std::string read_proc(pid_t pid, std::string_view name) {
  const std::string path = fmt::format("/proc/{}/{}", pid, name);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno(errno, path);
  std::array<char, 1024> text{};
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got < 0) throw_errno(errno, path);
  return {text.data(), static_cast<std::size_t>(got)};
}

// A field of proc_pid_stat(5), as the page counts them. Field 2, the name, is in parentheses and
// may hold anything.
std::uint64_t stat_field(const std::string& stat, int number) {
  constexpr int kName = 2;
  std::size_t at = stat.rfind(')');
  for (int i = kName; i < number && at != std::string::npos; ++i)
    at = stat.find(' ', at + 1);
  std::uint64_t value = 0;
  if (at == std::string::npos ||
      std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), value).ec != std::errc())
    throw Error(ErrorKind::system, "/proc/PID/stat does not read as expected");
  return value;
}

} // namespace

void find_title(ChildContext& context) {
  const std::string stat = read_proc(::getpid(), "stat");
  const std::uint64_t begin = stat_field(stat, 48); // arg_start
  const std::uint64_t end = stat_field(stat, 49);   // arg_end
  if (begin == 0 || end <= begin) return;           // there are none
  // It is our own, which the kernel tells as a number.
  context.title = reinterpret_cast<char*>(begin); // NOLINT(performance-no-int-to-ptr)
  context.title_bytes = end - begin;
}

int find_own_program(ChildFile& program) {
  struct statx status {};
  if (::statx(AT_FDCWD, "/proc/self/exe", 0, STATX_INO | STATX_MNT_ID, &status) != 0) return errno;
  program = {status.stx_mnt_id, status.stx_ino};
  return 0;
}

Started describe(const Plan& plan, pid_t pid) {
  const std::string path = fmt::format("/proc/{}/ns/pid", pid);
  struct stat status {};
  const bool joined = plan.pid_namespace >= 0;
  if ((joined ? ::fstat(plan.pid_namespace, &status) : ::stat(path.c_str(), &status)) != 0)
    throw_errno(errno, path);
  const auto facts = process_facts(pid);
  if (!facts) throw Error(ErrorKind::system, "the container's process is just gone");
  return {pid, facts->start_time, status.st_ino, {}};
}

} // namespace layerbox
