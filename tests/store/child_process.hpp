// child_process: other processes for tests. A child runs a function and exits with what it returns;
// it is killed when the test forgets it.
#pragma once

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <string>

#include "base/error.hpp"

namespace layerbox::test {

inline constexpr int kThrew = 99; // exit status of a child whose function threw

class Child {
 public:
  explicit Child(const std::function<int()>& work) : pid_(::fork()) {
    if (pid_ == 0) ::_exit(run(work));
  }
  ~Child() {
    if (pid_ > 0) kill_and_wait();
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;

  pid_t pid() const { return pid_; }

  // The exit status, or 128 + N after signal N.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  int kill_and_wait() {
    ::kill(pid_, SIGKILL);
    return wait();
  }

 private:
  static int run(const std::function<int()>& work) {
    try {
      return work();
    } catch (const Error& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    return kThrew;
  }

  pid_t pid_;
};

// One process tells another that it has come somewhere.
class Signal {
 public:
  Signal() {
    if (::pipe(ends_) != 0) std::abort();
  }
  ~Signal() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  void give() {
    const char byte = 1;
    if (::write(ends_[1], &byte, 1) != 1) std::abort();
  }
  void await() {
    char byte = 0;
    if (::read(ends_[0], &byte, 1) != 1) std::abort();
  }

 private:
  int ends_[2] = {-1, -1};
};

// A skip whose reason came from an attempt; a failure where LAYERBOX_TESTS_MUST_RUN lists it.
inline bool must_run(const std::string& capability) {
  const char* list = std::getenv("LAYERBOX_TESTS_MUST_RUN");
  return list != nullptr &&
         (',' + std::string(list) + ',').find(',' + capability + ',') != std::string::npos;
}

} // namespace layerbox::test

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): GTEST_SKIP returns from the test itself.
#define LAYERBOX_SKIP(capability, reason)                                                          \
  do {                                                                                             \
    if (::layerbox::test::must_run(capability))                                                    \
      FAIL() << (capability) << " must run: " << (reason);                                         \
    GTEST_SKIP() << (reason);                                                                      \
  } while (false)
