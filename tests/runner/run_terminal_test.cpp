// A container with a terminal, seen through a pty that stands for the user's.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;

// The user's terminal: the test types at the master, the launcher has the slave.
class UserTerminal {
 public:
  UserTerminal() : master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(master.get());
    ::unlockpt(master.get());
    std::array<char, 64> name{};
    ::ptsname_r(master.get(), name.data(), name.size());
    slave.reset(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    set_size(31, 97);
  }
  void set_size(unsigned short rows, unsigned short columns) {
    const struct winsize size = {rows, columns, 0, 0};
    ::ioctl(master.get(), TIOCSWINSZ, &size);
  }
  void type(std::string_view text) {
    ASSERT_EQ(::write(master.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Reads until `text` has come; fails after a time that only a hang takes.
  void wait_for(std::string_view text) {
    const bool came = eventually([&] {
      struct pollfd ready = {master.get(), POLLIN, 0};
      while (seen.find(text) == std::string::npos && ::poll(&ready, 1, 0) == 1) {
        std::array<char, 1024> block{};
        const ssize_t got = ::read(master.get(), block.data(), block.size());
        if (got <= 0) break;
        seen.append(block.data(), static_cast<std::size_t>(got));
      }
      return seen.find(text) != std::string::npos;
    });
    ASSERT_TRUE(came) << "'" << text << "' did not come; seen: " << seen;
    seen.erase(0, seen.find(text) + text.size());
  }
  bool is_raw() const {
    struct termios now = {};
    ::tcgetattr(slave.get(), &now);
    return (now.c_lflag & (ICANON | ECHO | ISIG)) == 0;
  }
  UniqueFd master, slave;
  std::string seen;
};

class RunTerminal : public ::testing::Test {
 protected:
  void SetUp() override { LAYERBOX_NEEDS("root", why_no_root()); }
  RunSpec terminal_spec(std::string_view script) {
    RunSpec made = shell_spec(rootfs, script);
    made.process.terminal = made.process.interactive = true;
    return made;
  }
  BusyboxRootfs rootfs;
  UserTerminal user;
};

TEST_F(RunTerminal, GivesTheCommandATerminalOfItsOwnDevpts) {
  Launcher launcher(
      terminal_spec("tty; ls -1 /dev/pts; stat -c %t:%T /dev/console; echo 5:1 was host; "
                    "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo three"),
      {.terminal = user.slave.get()});
  user.wait_for("/dev/pts/0\r\n");
  user.wait_for("0\r\nptmx\r\n");
  user.wait_for("88:0\r\n");
  user.wait_for("three\r\n");
  EXPECT_EQ(launcher.wait().status, 0);
}

TEST_F(RunTerminal, IsTheControllingTerminalOfItsSession) {
  Launcher launcher(terminal_spec("echo typed > /dev/tty; cut -d' ' -f5-8 /proc/1/stat"),
                    {.terminal = user.slave.get()});
  user.wait_for("typed\r\n");
  // Process group 1, session 1, terminal 136:0, and that group in the foreground.
  user.wait_for("1 1 34816 1\r\n");
  EXPECT_EQ(launcher.wait().status, 0);
}

TEST_F(RunTerminal, StartsWithTheUsersSizeAndFollowsIt) {
  Launcher launcher(terminal_spec("trap 'stty size; exit' WINCH; stty size; echo ready; "
                                  "while :; do sleep 0.01; done"),
                    {.terminal = user.slave.get()});
  user.wait_for("31 97\r\n");
  user.wait_for("ready\r\n");
  user.set_size(40, 120);
  user.wait_for("40 120\r\n");
  EXPECT_EQ(launcher.wait().status, 0);
}

TEST_F(RunTerminal, RelaysWhatIsTypedAndMakesTheUsersTerminalRawMeanwhile) {
  Launcher launcher(terminal_spec("echo ready; read line; echo got:$line; exit 6"),
                    {.terminal = user.slave.get()});
  user.wait_for("ready\r\n");
  EXPECT_TRUE(eventually([&] { return user.is_raw(); }));
  user.type("hello\r");
  user.wait_for("got:hello\r\n");
  EXPECT_EQ(launcher.wait().status, 6);
  EXPECT_FALSE(user.is_raw());
}

TEST_F(RunTerminal, AnInterruptKeyInterruptsTheCommandInside) {
  Launcher launcher(terminal_spec("trap 'echo interrupted; exit 7' INT; echo ready; "
                                  "while :; do sleep 0.01; done"),
                    {.terminal = user.slave.get()});
  user.wait_for("ready\r\n");
  EXPECT_TRUE(eventually([&] { return user.is_raw(); }));
  user.type("\x03");
  user.wait_for("interrupted\r\n");
  EXPECT_EQ(launcher.wait().status, 7);
}

TEST_F(RunTerminal, AnInterruptKeyReachesTheCommandBelowInitOnce) {
  RunSpec made = terminal_spec("trap 'echo interrupted' INT; echo ready; i=0; "
                               "while [ $i -lt 60 ]; do i=$((i+1)); sleep 0.01; done; echo over");
  made.process.init = true;
  Launcher launcher(made, {.terminal = user.slave.get()});
  user.wait_for("ready\r\n");
  EXPECT_TRUE(eventually([&] { return user.is_raw(); }));
  user.type("\x03");
  user.wait_for("interrupted\r\n");
  user.wait_for("over\r\n");
  EXPECT_EQ(user.seen.find("interrupted"), std::string::npos);
  EXPECT_EQ(launcher.wait().status, 0);
}

TEST_F(RunTerminal, GivesTheTerminalBackAfterATermination) {
  Launcher launcher(terminal_spec("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"),
                    {.terminal = user.slave.get()});
  user.wait_for("ready\r\n");
  EXPECT_TRUE(eventually([&] { return user.is_raw(); }));
  launcher.send(SIGTERM);
  EXPECT_EQ(launcher.wait().status, 9);
  EXPECT_FALSE(user.is_raw());
}

TEST_F(RunTerminal, GivesTheTerminalBackWhileItIsStopped) {
  Launcher launcher(terminal_spec("echo ready; read line; echo got:$line"),
                    {.terminal = user.slave.get()});
  user.wait_for("ready\r\n");
  EXPECT_TRUE(eventually([&] { return user.is_raw(); }));
  launcher.send(SIGTSTP);
  EXPECT_TRUE(eventually([&] { return !user.is_raw(); }));
  launcher.send(SIGCONT);
  EXPECT_TRUE(eventually([&] { return user.is_raw(); }));
  user.type("on\r");
  user.wait_for("got:on\r\n");
  EXPECT_EQ(launcher.wait().status, 0);
}

TEST_F(RunTerminal, EndsAReaderInsideWhenTheUsersTerminalIsHungUp) {
  Launcher launcher(terminal_spec("stty raw; echo ready; cat; exit 3"),
                    {.terminal = user.slave.get(), .at_entry = [this] {
                       user.master.reset();
                       user.slave.reset();
                     }});
  user.wait_for("ready");
  EXPECT_TRUE(eventually([&] { return user.is_raw(); }));
  user.slave.reset();
  user.master.reset();
  EXPECT_EQ(launcher.wait().status, 3);
}

TEST_F(RunTerminal, BelongsToTheUserOfTheCommand) {
  RunSpec made = terminal_spec("stat -c %u /dev/pts/0; echo open > /dev/pts/0");
  made.process.user.text = "web";
  Launcher launcher(made, {.terminal = user.slave.get()});
  user.wait_for("33\r\n");
  user.wait_for("open\r\n");
  EXPECT_EQ(launcher.wait().status, 0);
}

TEST_F(RunTerminal, BringsOutAllThatWasWrittenBeforeTheEnd) {
  Launcher launcher(terminal_spec("i=0; while [ $i -lt 3000 ]; do echo line$i; i=$((i+1)); done"),
                    {.terminal = user.slave.get()});
  user.wait_for("line2999\r\n");
  EXPECT_EQ(launcher.wait().status, 0);
}

TEST_F(RunTerminal, RelaysPlainStreamsAndTheirEnd) {
  const Result result =
      run(terminal_spec("stty -echo; while read l; do echo got:$l; done; echo end"),
          {.input = "one\ntwo\n"});
  EXPECT_THAT(result.out, HasSubstr("got:two\r\n"));
  EXPECT_THAT(result.out, HasSubstr("end\r\n"));
}

TEST_F(RunTerminal, SaysWhyACommandCannotRunAndLeavesTheTerminalAlone) {
  RunSpec made = spec(rootfs, {"nosuch"});
  made.process.terminal = made.process.interactive = true;
  Launcher launcher(made, {.terminal = user.slave.get()});
  EXPECT_EQ(launcher.wait().status, 127);
  EXPECT_FALSE(user.is_raw());
}

} // namespace
} // namespace layerbox::test
