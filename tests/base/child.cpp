#include "child.hpp"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/error.hpp"

namespace layerbox::test {

Child::Child(const std::function<void()>& work) {
  std::fflush(nullptr); // or the child would print it again
  pid_ = ::fork();
  if (pid_ < 0) throw_errno(errno, "fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int status = 0;
  try {
    work();
    status = ::testing::Test::HasFailure() ? 1 : 0;
  } catch (const std::exception& problem) {
    std::printf("a child threw: %s\n", problem.what());
    status = 2;
  }
  std::fflush(nullptr);
  ::_exit(status);
}

Child::~Child() {
  if (pid_ <= 0) return;
  kill_hard();
  wait();
}

void Child::kill_hard() const {
  ::kill(pid_, SIGKILL);
}

int Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) throw_errno(errno, "wait for a child");
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int in_child(const std::function<void()>& work) {
  return Child(work).wait();
}

void become_user(uid_t uid) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 ||
      ::setresuid(uid, uid, uid) != 0)
    throw_errno(errno, "become an ordinary user");
  // A change of ids makes /proc/self belong to root; an ordinary user's program owns its own.
  if (::prctl(PR_SET_DUMPABLE, 1) != 0) throw_errno(errno, "become dumpable");
}

bool must_run(const std::string& capability) {
  const char* list = std::getenv("LAYERBOX_TESTS_MUST_RUN");
  return list != nullptr &&
         (',' + std::string(list) + ',').find(',' + capability + ',') != std::string::npos;
}

} // namespace layerbox::test
