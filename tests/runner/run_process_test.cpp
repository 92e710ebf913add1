// The command as a process: how it ends, who it is, what it may do, what signals do to it.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;

class RunProcess : public ::testing::Test {
 protected:
  void SetUp() override { LAYERBOX_NEEDS("root", why_no_root()); }
  Result shell(std::string_view script) { return run(shell_spec(rootfs, script)); }
  RunSpec as_user(std::string_view user, std::string_view script) {
    RunSpec made = shell_spec(rootfs, script);
    made.process.user.text = user;
    return made;
  }
  BusyboxRootfs rootfs;
};

TEST_F(RunProcess, ReturnsTheCommandsStatus) {
  EXPECT_EQ(run(spec(rootfs, {"true"})).status, 0);
  EXPECT_EQ(run(spec(rootfs, {"false"})).status, 1);
  EXPECT_EQ(shell("exit 77").status, 77);
}

TEST_F(RunProcess, Returns128AndTheSignalThatKilledIt) {
  RunSpec killed = shell_spec(rootfs, "kill -9 $$");
  // Process 1 is safe from its own signals; below an init the command is an ordinary process.
  killed.process.init = true;
  EXPECT_EQ(run(killed).status, 137);
  EXPECT_EQ(shell("sh -c 'kill -SEGV $$'; exit $?").status, 139);
}

TEST_F(RunProcess, Says127AndTheNameOfACommandThatIsNotThere) {
  Result result = run(spec(rootfs, {"nosuch"}));
  EXPECT_EQ(result.status, 127);
  EXPECT_EQ(result.failure, "executing 'nosuch': command not found");
  result = run(spec(rootfs, {"/bin/nosuch"}));
  EXPECT_EQ(result.status, 127);
  EXPECT_EQ(run(spec(rootfs, {""})).status, 127);
}

TEST_F(RunProcess, Says126AndWhyOfACommandThatCannotRun) {
  rootfs.write("bin/plain", "x", 0644);
  rootfs.write("bin/perly", "#!/usr/bin/perl\n", 0755);
  rootfs.write("bin/text", "hello\n", 0755);
  Result result = run(spec(rootfs, {"plain"}));
  EXPECT_EQ(result.status, 126);
  EXPECT_EQ(result.failure, "executing 'plain': /bin/plain is not executable");
  result = run(spec(rootfs, {"/bin"}));
  EXPECT_EQ(result.status, 126);
  EXPECT_EQ(result.failure, "executing '/bin': /bin is a directory");
  result = run(spec(rootfs, {"perly"}));
  EXPECT_EQ(result.status, 126);
  EXPECT_EQ(result.failure, "executing 'perly': its interpreter '/usr/bin/perl' is not there");
  result = run(spec(rootfs, {"text"}));
  EXPECT_EQ(result.status, 126);
  EXPECT_THAT(result.failure, HasSubstr("neither a program nor a script"));
}

TEST_F(RunProcess, SaysTheSameBelowInit) {
  RunSpec missing = spec(rootfs, {"nosuch"});
  missing.process.init = true;
  const Result result = run(missing);
  EXPECT_EQ(result.status, 127);
  EXPECT_EQ(result.failure, "executing 'nosuch': command not found");
}

TEST_F(RunProcess, SearchesThePathOfItsEnvironmentInOrder) {
  rootfs.write("a/tool", "not a program", 0644);
  rootfs.write("b/tool", "#!/bin/sh\necho b\n", 0755);
  RunSpec made = spec(rootfs, {"tool"});
  made.process.env = {"PATH=/none:/a:/b"};
  EXPECT_EQ(run(made).out, "b\n");
}

TEST_F(RunProcess, MakesTheWorkingDirectoryAndEntersIt) {
  RunSpec made = spec(rootfs, {"pwd"});
  made.process.cwd = "/srv/app//x/../y";
  EXPECT_EQ(run(made).out, "/srv/app/y\n");
  struct stat status = {};
  ASSERT_EQ(::stat(rootfs.at("srv/app/y").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0U);
}

TEST_F(RunProcess, FollowsAWorkingDirectorysSymlinksInside) {
  ASSERT_EQ(::mkdir(rootfs.at("real").c_str(), 0755), 0);
  rootfs.link("/real", "app");
  RunSpec made = spec(rootfs, {"pwd"});
  made.process.cwd = "/app/new";
  EXPECT_EQ(run(made).out, "/real/new\n");
}

TEST_F(RunProcess, DoesNotEnterTheHostThroughADescriptorOfItsOwn) {
  for (const char* number : {"3", "4", "5", "6", "7", "8", "9", "10"}) {
    RunSpec made = spec(rootfs, {"pwd"});
    made.process.cwd = std::string("/proc/self/fd/") + number;
    const Result result = run(made);
    EXPECT_EQ(result.status, 125) << result.out;
    EXPECT_THAT(result.failure, HasSubstr("entering the working directory"));
    EXPECT_EQ(run(spec(rootfs, {std::string("/proc/self/fd/") + number + "/bin/sh"})).status, 127);
  }
}

TEST_F(RunProcess, RefusesAWorkingDirectoryThatIsAFile) {
  RunSpec made = spec(rootfs, {"pwd"});
  made.process.cwd = "/etc/passwd/x";
  const Result result = run(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("not a directory at '/etc/passwd/x'"));
}

TEST_F(RunProcess, BecomesTheUserThatIsNamed) {
  EXPECT_EQ(run(as_user("web", "id -u; id -g; id -G; echo $HOME")).out,
            "33\n44\n44 4 70\n/home/web\n");
  EXPECT_EQ(run(as_user("33", "id -u; id -g; id -G")).out, "33\n44\n44 4 70\n");
  EXPECT_EQ(run(as_user("web:log", "id -u; id -g; id -G")).out, "33\n70\n70\n");
  EXPECT_EQ(run(as_user("1000:1001", "id -u; id -g; id -G; echo $HOME")).out,
            "1000\n1001\n1001\n/\n");
  EXPECT_EQ(run(as_user("", "id -u; id -G; echo $HOME")).out, "0\n0 4\n/root\n");
}

TEST_F(RunProcess, KeepsAHomeThatTheEnvironmentNames) {
  RunSpec made = as_user("web", "echo $HOME");
  made.process.env = {"HOME=/elsewhere"};
  EXPECT_EQ(run(made).out, "/elsewhere\n");
}

TEST_F(RunProcess, RefusesAUserThatIsNotThereByName) {
  const Result result = run(as_user("nobody", "true"));
  EXPECT_EQ(result.status, 125);
  EXPECT_EQ(result.failure,
            "becoming the user 'nobody': the container's /etc/passwd has no user 'nobody'");
}

TEST_F(RunProcess, RefusesAUserOutsideOfTheMap) {
  const Result result = run(as_user("70000", "true"));
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("user id 70000 is not mapped"));
}

TEST_F(RunProcess, GivesRootTheCapabilitiesOfTheListAndNoOther) {
  EXPECT_EQ(shell("grep Cap /proc/self/status | cut -f2").out,
            "0000000000000000\n00000000a80425fb\n00000000a80425fb\n00000000a80425fb\n"
            "0000000000000000\n");
  RunSpec none = shell_spec(rootfs, "grep Cap /proc/self/status | cut -f2 | sort -u");
  none.process.capabilities = {};
  EXPECT_EQ(run(none).out, "0000000000000000\n");
}

TEST_F(RunProcess, GivesAnotherUserNoCapabilityToUse) {
  EXPECT_EQ(run(as_user("web", "grep Cap /proc/self/status | cut -f2")).out,
            "0000000000000000\n0000000000000000\n0000000000000000\n00000000a80425fb\n"
            "0000000000000000\n");
}

TEST_F(RunProcess, CannotMountOrUndoWhatHidesPaths) {
  const Result result =
      shell("umount /proc/sys; mount -t tmpfs x /tmp; echo 1 > /proc/sys/kernel/x; "
            "umount /proc; echo done");
  EXPECT_EQ(result.out, "done\n");
}

TEST_F(RunProcess, PassesSignalsOnToTheCommand) {
  Launcher launcher(shell_spec(rootfs,
                               "trap 'echo got TERM; exit 5' TERM; trap 'echo got USR1' USR1; "
                               "echo ready; while :; do sleep 0.01; done"),
                    {});
  launcher.wait_for_output("ready");
  launcher.send(SIGUSR1);
  launcher.wait_for_output("got USR1");
  launcher.send(SIGTERM);
  const Result result = launcher.wait();
  EXPECT_THAT(result.out, HasSubstr("got TERM"));
  EXPECT_EQ(result.status, 5);
}

TEST_F(RunProcess, SignalsThatAreLeftAloneEndTheCommandAsTheyWouldOutside) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGALRM, SIGRTMIN + 3}) {
    // No shell: those handle some signals.
    Launcher launcher(spec(rootfs, {"tail", "-f", "/etc/group"}), {});
    launcher.wait_for_output("root:");
    launcher.send(signal);
    EXPECT_EQ(launcher.wait().status, 128 + signal);
  }
}

TEST_F(RunProcess, SignalsThatAreIgnoredOrEndNothingDoNotEndTheCommand) {
  Launcher launcher(shell_spec(rootfs, "trap '' TERM; trap 'echo got; exit 6' USR2; echo ready; "
                                       "while :; do sleep 0.01; done"),
                    {});
  launcher.wait_for_output("ready");
  for (const int signal : {SIGTERM, SIGWINCH, SIGURG, SIGCONT})
    launcher.send(signal);
  launcher.send(SIGUSR2);
  EXPECT_EQ(launcher.wait().status, 6);
}

TEST_F(RunProcess, InitPassesSignalsOnAndReturnsTheirNumber) {
  RunSpec made = shell_spec(rootfs, "echo ready; exec sleep 1000");
  made.process.init = true;
  Launcher launcher(made, {});
  launcher.wait_for_output("ready");
  launcher.send(SIGTERM); // sleep has no handler: only below an init does it end it
  EXPECT_EQ(launcher.wait().status, 143);
}

TEST_F(RunProcess, InitReapsOrphans) {
  RunSpec made = shell_spec(
      rootfs,
      "sh -c 'sh -c \"echo orphan \\$\\$; : > /dev/shm/ended; exit 3\" & exit' ; "
      "until [ -e /dev/shm/ended ]; do sleep 0.01; done; "
      "i=0; while grep -qs 'State.*Z' /proc/[0-9]*/status && [ $i -lt 500 ]; do "
      "i=$((i+1)); sleep 0.01; done; grep -cs 'State.*Z' /proc/[0-9]*/status | grep -c ':1'; "
      "cat /proc/1/comm; echo $$");
  made.process.init = true;
  const Result result = run(made);
  EXPECT_THAT(result.out, HasSubstr("orphan"));
  EXPECT_THAT(result.out, HasSubstr("\n0\n"));
  EXPECT_THAT(result.out, HasSubstr("\n2\n"));
}

TEST_F(RunProcess, InitEndsEverythingWithTheCommand) {
  RunSpec made = shell_spec(rootfs, "(while :; do sleep 1; done) & exit 9");
  made.process.init = true;
  EXPECT_EQ(run(made).status, 9);
}

TEST_F(RunProcess, NobodyInsideCanLookIntoInit) {
  RunSpec made = shell_spec(rootfs, "ls /proc/1/fd; readlink /proc/1/exe; echo done");
  made.process.init = true;
  const Result result = run(made);
  EXPECT_EQ(result.out, "done\n");
  EXPECT_THAT(result.err, HasSubstr("Permission denied"));
}

} // namespace
} // namespace layerbox::test
