// box: real containers for tests. A rootfs made of busybox in a temporary directory, and a launcher
// in a process of its own, as layerbox would be, whose streams and outcome the test sees.
//
//     BusyboxRootfs rootfs;
//     EXPECT_EQ(run(shell_spec(rootfs, "id -u")).out, "0\n");
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/temp.hpp"
#include "base/unique_fd.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/run_container.hpp"

namespace layerbox::test {

inline constexpr uid_t kOrdinaryUid = 12345;
inline constexpr std::uint32_t kFirstOutsideId = 700000;

// A directory with /bin/busybox under the names of its commands, /etc/passwd, /etc/group.
class BusyboxRootfs {
 public:
  BusyboxRootfs();
  const std::string& path() const { return path_; }
  std::string at(std::string_view name) const { return path_ + "/" + std::string(name); }
  void write(std::string_view name, std::string_view content, mode_t mode = 0644) const;
  std::string read(std::string_view name) const;
  void link(std::string_view text, std::string_view name) const;
  void give_to(uid_t uid) const; // everything

 private:
  TempDir temp_;
  std::string path_;
};

// A container of the real root on `rootfs`: private ids, docker's defaults.
RunSpec spec(const BusyboxRootfs& rootfs, std::vector<std::string> args);
RunSpec shell_spec(const BusyboxRootfs& rootfs, std::string_view script);
// What the launcher is.
Identity root_identity();
Identity single_identity(uid_t uid = kOrdinaryUid);
// `spec` as an ordinary user with one id would run it.
RunSpec single_spec(RunSpec spec, uid_t uid = kOrdinaryUid);

struct Result {
  int status = -1;      // RunOutcome.exit_status; 125 when run_container threw
  std::string out, err; // of the command
  std::string failure;  // RunOutcome.failure, or what was thrown
  std::string hint;
  bool oom_killed = false;
};

// A launcher that runs. Its destructor kills it and waits.
class Launcher {
 public:
  struct Options {
    Identity identity = root_identity();
    std::string input = {};              // of the launcher's standard input
    std::optional<int> terminal = {};    // a pty's slave in place of all three streams
    std::function<void()> before = {};   // in the launcher's process, before all
    std::function<void()> at_entry = {}; // there too, when its streams and ids are set
    RunHooks hooks = {};                 // run there too
  };
  Launcher(const RunSpec& spec, Options options);
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;
  ~Launcher();

  pid_t pid() const { return pid_; }
  // Waits until the command has written `text` to its standard output.
  void wait_for_output(std::string_view text);
  std::string& output() { return out_; }
  FdRef output_fd() const { return out_fd_; }
  void send(int signal) const;
  Result wait();     // until it has ended by itself
  int wait_killed(); // the signal that ended the launcher

 private:
  pid_t pid_ = -1;
  std::string out_;
  UniqueFd out_fd_, err_fd_, outcome_fd_;
};

Result run(const RunSpec& spec, Launcher::Options options = {});

// The same with limits: an id of its own, and cgroups below ours.
RunSpec limited(RunSpec spec, Limits limits, EndedBy end = EndedBy::pid_namespace);
// What the host knows of the container of a limited spec.
pid_t first_process_of(pid_t launcher);
void kill_first_process_of(const Launcher& launcher);
std::vector<std::string> cgroups_left(const RunSpec& spec); // of its directories, those that exist
std::vector<pid_t> processes_of(const RunSpec& spec);       // alive, in any cgroup named after it

// Skips, with the reason of an attempt, or fails when LAYERBOX_TESTS_MUST_RUN lists `capability`.
#define LAYERBOX_NEEDS(capability, attempt)                                                        \
  do {                                                                                             \
    const std::string why = (attempt);                                                             \
    if (!why.empty() && ::layerbox::test::must_run(capability))                                    \
      FAIL() << capability << ": " << why;                                                         \
    if (!why.empty()) GTEST_SKIP() << capability << ": " << why;                                   \
  } while (false)
bool must_run(std::string_view capability);
std::string why_no_limits(); // empty when cgroups can be made for each limit of these tests
std::string why_no_root();   // empty when containers of the real root can be run
bool process_exists(pid_t pid);
// Waits for `condition`; false after a time that only a hang takes.
bool eventually(const std::function<bool()>& condition);
// mountinfo of this process, to see that nothing is left.
std::string own_mounts();

} // namespace layerbox::test
