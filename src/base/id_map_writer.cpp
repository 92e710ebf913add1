// Writing /proc/PID/{uid_map,gid_map,setgroups}: write_id_maps() of userns.hpp. The kernel lets a
// process with CAP_SETUID and CAP_SETGID map what its own namespace maps, and everybody else
// himself alone; newuidmap(1) and newgidmap(1) lend their rights for the ranges of /etc/subuid.
#include <fcntl.h>
#include <linux/capability.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/id_map_helper.hpp"
#include "base/identity.hpp"
#include "base/pipe.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "base/userns.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxComplaintBytes = 4096;

// One write(2) is the kernel's rule for these files (user_namespaces(7)).
void write_proc_file(pid_t pid, const char* file, std::string_view text) {
  const std::string path = "/proc/" + std::to_string(pid) + '/' + file;
  const UniqueFd fd = open_path(path, O_WRONLY);
  if (::write(fd.get(), text.data(), text.size()) < 0) throw_errno(errno, "write '" + path + "'");
}

bool is_only(const std::vector<IdRange>& ranges, id_t outside) {
  return ranges.size() == 1 && ranges[0].outside == outside && ranges[0].count == 1;
}

// newuidmap or newgidmap at work. What it complains of comes through a pipe.
class MapHelper {
 public:
  MapHelper(const std::string& program, pid_t target, const std::vector<IdRange>& ranges)
      : program_(program) {
    Pipe pipe = make_pipe();
    complaint_ = std::move(pipe.read);
    start(target, ranges, pipe.write);
  }
  MapHelper(const MapHelper&) = delete;
  MapHelper& operator=(const MapHelper&) = delete;
  ~MapHelper() { wait(); }

  // Throws Error with what the program said.
  void finish() {
    FdSource source(complaint_, program_);
    std::string said = read_all(source, kMaxComplaintBytes, program_);
    if (wait() == 0) return;
    while (said.ends_with('\n'))
      said.pop_back();
    refuse(said.empty() ? program_ + " failed" : printable(said));
  }

 private:
  [[noreturn]] void refuse(const std::string& said) const {
    const std::string name = program_.substr(program_.rfind('/') + 1);
    const Cause cause = why_id_map_helper_fails(find_id_map_helper(name), userns_facts());
    std::string message = "map ids: " + said;
    if (!cause.why.empty()) message += ": " + cause.why;
    throw Error(ErrorKind::permission_denied, std::move(message))
        .set_hint(cause.why.empty() ? "check the ranges in /etc/subuid and /etc/subgid; 'layerbox "
                                      "doctor' shows them"
                                    : cause.way_out);
  }

  void start(pid_t target, const std::vector<IdRange>& ranges, FdRef error_output) {
    std::vector<std::string> words{program_, std::to_string(target)};
    for (const IdRange& range : ranges)
      for (const std::uint32_t id : {range.inside, range.outside, range.count})
        words.push_back(std::to_string(id));
    std::vector<char*> argv;
    for (std::string& word : words)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    std::array<char*, 1> no_environment{nullptr}; // plain English complaints
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, error_output.get(), STDERR_FILENO);
    const int error_number = ::posix_spawn(&pid_, program_.c_str(), &actions, nullptr, argv.data(),
                                           no_environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error_number == 0) return;
    pid_ = -1;
    throw_no_user_namespace(error_number, "start '" + program_ + "'");
  }

  int wait() {
    int status = 0;
    while (pid_ > 0 && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  std::string program_;
  UniqueFd complaint_;
  pid_t pid_ = -1;
};

void map_through_helpers(pid_t target, const IdMap& map) {
  const auto newuidmap = find_in_path("newuidmap");
  const auto newgidmap = find_in_path("newgidmap");
  if (!newuidmap || !newgidmap) {
    const Cause cause = why_id_map_helper_fails(
        find_id_map_helper(newuidmap ? "newgidmap" : "newuidmap"), userns_facts());
    throw Error(ErrorKind::unsupported, "map ids: " + cause.why).set_hint(cause.way_out);
  }
  MapHelper uids(*newuidmap, target, map.uids); // both at a time: each costs a millisecond
  MapHelper gids(*newgidmap, target, map.gids);
  uids.finish();
  gids.finish();
}

} // namespace

std::optional<std::string> find_in_path(const char* program) {
  const char* path = std::getenv("PATH");
  const std::string all = std::string(path != nullptr ? path : "") + ":/usr/bin:/bin";
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find(':', at), all.size());
    const std::string candidate = all.substr(at, end - at) + '/' + program;
    struct stat status {};
    const bool is_absolute = all[at] == '/';
    if (is_absolute && ::stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    at = end + 1;
  }
  return std::nullopt;
}

void write_id_maps(pid_t pid, const IdMap& map, const Identity& who) {
  const std::uint64_t capabilities = effective_capabilities();
  const bool may_map_all =
      has_capability(capabilities, CAP_SETUID) && has_capability(capabilities, CAP_SETGID);
  const bool is_self_alone = is_only(map.uids, ::geteuid()) && is_only(map.gids, ::getegid());
  if (!may_map_all && !is_self_alone) {
    if (who.privilege == Privilege::single)
      throw Error(ErrorKind::unsupported, "map more than one id: " + who.reason)
          .set_hint(who.way_out);
    return map_through_helpers(pid, map);
  }
  // Who may not change his groups here must not be able to drop them there (user_namespaces(7)).
  if (!has_capability(capabilities, CAP_SETGID)) write_proc_file(pid, "setgroups", "deny");
  write_proc_file(pid, "uid_map", id_map_text(map.uids));
  write_proc_file(pid, "gid_map", id_map_text(map.gids));
}

} // namespace layerbox
