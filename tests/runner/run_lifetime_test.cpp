// How a container begins and ends: hooks, kill -9, fallbacks, nothing left.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;

class RunLifetime : public ::testing::Test {
 protected:
  void SetUp() override { LAYERBOX_NEEDS("root", why_no_root()); }
  BusyboxRootfs rootfs;
  TempDir notes; // where a launcher in another process writes what it saw
  std::string note(const char* name) const { return notes.path() + "/" + name; }
  std::string read_note(const char* name) const {
    std::ifstream file(note(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

// The first process of the launcher's container, as the host sees it.
pid_t child_of(pid_t launcher) {
  const std::string id = std::to_string(launcher);
  std::ifstream children("/proc/" + id + "/task/" + id + "/children");
  pid_t child = 0;
  children >> child;
  return child;
}

TEST_F(RunLifetime, KillingTheLauncherEndsTheContainer) {
  for (const bool init : {false, true}) {
    RunSpec made = shell_spec(rootfs, "echo ready; while :; do sleep 1; done");
    made.process.init = init;
    Launcher launcher(made, {});
    launcher.wait_for_output("ready");
    const pid_t first = child_of(launcher.pid());
    ASSERT_GT(first, 0);
    ASSERT_TRUE(process_exists(first));
    launcher.send(SIGKILL);
    EXPECT_EQ(launcher.wait_killed(), SIGKILL);
    EXPECT_TRUE(eventually([&] { return !process_exists(first); }));
  }
}

TEST_F(RunLifetime, KillingTheLauncherEndsTheContainerOfAnotherUserToo) {
  RunSpec made = shell_spec(rootfs, "echo ready; while :; do sleep 1; done");
  made.process.user.text = "web";
  Launcher launcher(made, {});
  launcher.wait_for_output("ready");
  const pid_t first = child_of(launcher.pid());
  launcher.send(SIGKILL);
  launcher.wait_killed();
  EXPECT_TRUE(eventually([&] { return !process_exists(first); }));
}

TEST_F(RunLifetime, AKillAtAnyMomentOfTheStartLeavesNoProcessAndNoMount) {
  const std::string before = own_mounts();
  for (int i = 0; i < 16; ++i) {
    pid_t first = 0;
    {
      Launcher launcher(spec(rootfs, {"sleep", "1000"}), {});
      for (int spin = 0; spin < i * 50 && first == 0; ++spin)
        first = child_of(launcher.pid());
      launcher.send(SIGKILL);
      first = first != 0 ? first : child_of(launcher.pid());
      launcher.wait_killed();
    }
    if (first != 0) {
      EXPECT_TRUE(eventually([&] { return !process_exists(first); }));
    }
  }
  EXPECT_EQ(own_mounts(), before);
}

TEST_F(RunLifetime, TellsTheHookWhoStartedBeforeAnythingRuns) {
  Launcher::Options options;
  options.hooks.started = [&](const Started& started) {
    const std::string pid = std::to_string(started.pid);
    struct stat ns = {};
    ::stat(("/proc/" + pid + "/ns/pid").c_str(), &ns);
    std::ofstream(note("started"))
        << (started.pid_namespace == ns.st_ino) << ' ' << (started.start_time > 0) << ' '
        << std::filesystem::exists(rootfs.at("ran"));
  };
  options.hooks.begun = [&] { return [&] { std::ofstream(note("beside")) << "once;"; }; };
  EXPECT_EQ(run(shell_spec(rootfs, "touch /ran"), options).status, 0);
  EXPECT_EQ(read_note("started"), "1 1 0");
  EXPECT_EQ(read_note("beside"), "once;");
}

TEST_F(RunLifetime, AHookThatThrowsEndsTheContainerBeforeItRuns) {
  Launcher::Options options;
  options.hooks.started = [&](const Started& started) {
    std::ofstream(note("pid")) << started.pid;
    throw Error(ErrorKind::in_use, "the name is taken");
  };
  const Result result = run(shell_spec(rootfs, "touch /ran"), options);
  EXPECT_EQ(result.status, 125);
  EXPECT_EQ(result.failure, "the name is taken");
  EXPECT_FALSE(std::filesystem::exists(rootfs.at("ran")));
  EXPECT_FALSE(process_exists(std::stoi(read_note("pid"))));
}

TEST_F(RunLifetime, TheHookBesideDoesNotRunWhenTheCommandCannot) {
  Launcher::Options options;
  options.hooks.begun = [&] { return [&] { std::ofstream(note("beside")) << "ran"; }; };
  EXPECT_EQ(run(spec(rootfs, {"nosuch"}), options).status, 127);
  EXPECT_EQ(read_note("beside"), "");
}

TEST_F(RunLifetime, WaitsForEveryProcessOfTheContainer) {
  const Result result =
      run(shell_spec(rootfs, "setsid sh -c 'while :; do sleep 1; done' & exit 4"));
  EXPECT_EQ(result.status, 4);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code ignored;
    const auto root = std::filesystem::read_symlink(entry.path() / "exe", ignored);
    EXPECT_EQ(root.string().find(rootfs.path()), std::string::npos) << entry.path();
  }
}

TEST_F(RunLifetime, RunsWithItsStandardStreamsClosed) {
  const auto close_all = [] {
    for (int fd = 0; fd <= 2; ++fd)
      ::close(fd);
  };
  // The streams are closed after the test has put its pipes there.
  Launcher::Options options;
  const Result plain = run(shell_spec(rootfs, "ls /proc/self/fd > /fds; exit 3"), options);
  EXPECT_EQ(plain.status, 3);
  options.at_entry = close_all;
  EXPECT_EQ(run(shell_spec(rootfs, "ls /proc/self/fd > /fds; exit 3"), options).status, 3);
  EXPECT_EQ(rootfs.read("fds"), "0\n1\n2\n3\n");
}

#ifdef LAYERBOX_FAULTS
TEST_F(RunLifetime, StartsWithoutClone3) {
  Launcher::Options options;
  options.before = [] { ::setenv("LAYERBOX_FAULT_NO_CLONE3", "1", 1); };
  EXPECT_EQ(run(shell_spec(rootfs, "echo $$; id -u"), options).out, "1\n0\n");
}
#endif

} // namespace
} // namespace layerbox::test
