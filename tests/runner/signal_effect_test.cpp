// What a signal would do to a process that does something about it, and to one that does not.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/pipe.hpp"
#include "runner/signal_effect.hpp"

namespace layerbox::test {
namespace {

// A process that has done `first`, and then waits.
class Subject {
 public:
  explicit Subject(
      const std::function<void()>& first, const std::function<void()>& later = [] {}) {
    Pipe ready = make_pipe();
    pid_ = ::fork();
    if (pid_ == 0) {
      first();
      (void)!::write(ready.write.get(), "r", 1);
      later();
      for (;;)
        ::pause();
    }
    char byte = 0;
    (void)!::read(ready.read.get(), &byte, 1);
  }
  ~Subject() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

void change_mask(int how) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigprocmask(how, &set, nullptr);
}

TEST(SignalEffect, EndsWhoDoesNothingAboutIt) {
  const Subject subject([] { ::signal(SIGINT, SIG_DFL); });
  EXPECT_TRUE(would_end(subject.pid(), SIGINT));
  EXPECT_FALSE(would_end(subject.pid(), SIGWINCH));
}

TEST(SignalEffect, EndsNobodyWhoHandlesIgnoresOrBlocksIt) {
  const Subject handles([] { ::signal(SIGINT, [](int) {}); });
  EXPECT_FALSE(would_end(handles.pid(), SIGINT));
  const Subject ignores([] { ::signal(SIGINT, SIG_IGN); });
  EXPECT_FALSE(would_end(ignores.pid(), SIGINT));
  const Subject blocks([] { change_mask(SIG_BLOCK); });
  EXPECT_FALSE(would_end(blocks.pid(), SIGINT));
}

// As fork(3) does, in a shell that starts a command.
TEST(SignalEffect, EndsWhoBlocksItForAMoment) {
  const Subject subject([] { change_mask(SIG_BLOCK); },
                        [] {
                          ::usleep(10'000);
                          change_mask(SIG_UNBLOCK);
                        });
  EXPECT_TRUE(would_end(subject.pid(), SIGINT));
}

} // namespace
} // namespace layerbox::test
