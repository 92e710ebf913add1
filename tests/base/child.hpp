// child: part of a test in a process of its own, where it may change user, limits, mounts, or die.
//
//     EXPECT_EQ(in_child([] { become_user(kOrdinaryUser); EXPECT_EQ(getuid(), kOrdinaryUser); }),
//     0);
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace layerbox::test {

// No account has this id on a usual machine.
constexpr uid_t kOrdinaryUser = 23456;

// A running child that does `work`. Its EXPECTs print as usual; its exit status is 0 when all held,
// 1 when one failed, 2 when something was thrown.
class Child {
 public:
  explicit Child(const std::function<void()>& work);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child(); // kills it, should it still run

  pid_t pid() const { return pid_; }
  void kill_hard() const; // SIGKILL
  // The exit status, or 128 and the number of the signal that killed it.
  int wait();

 private:
  pid_t pid_;
};

int in_child(const std::function<void()>& work);

// In a child only: the ids of an ordinary user without groups, for good. Throws Error.
void become_user(uid_t uid);

// Whether the variable LAYERBOX_TESTS_MUST_RUN lists `capability`: then a skip is a failure.
bool must_run(const std::string& capability);

} // namespace layerbox::test

// Ends a test that needs to begin as root.
#define LAYERBOX_NEED_ROOT()                                                                       \
  if (::geteuid() != 0) {                                                                          \
    if (::layerbox::test::must_run("root")) FAIL() << "root must run, but this is not root";       \
    GTEST_SKIP() << "not root";                                                                    \
  }                                                                                                \
  static_assert(true)
