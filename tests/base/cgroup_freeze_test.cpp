#include "base/cgroup_freeze.hpp"

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "base/error.hpp"
#include "tests/base/child.hpp"

namespace layerbox {
namespace {

// Who ran the container removes its cgroup at any moment of somebody else's freezing and thawing.
TEST(CgroupFreeze, WhatIsJustRemovedIsNoFailure) {
  const std::string top = ::testing::TempDir() + "layerbox-cgroup-" + std::to_string(::getpid());
  const bool is_mounted = ::unshare(CLONE_NEWNS) == 0 &&
                          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                          ::mkdir(top.c_str(), 0700) == 0 &&
                          ::mount("none", top.c_str(), "cgroup2", 0, nullptr) == 0;
  if (!is_mounted) {
    const std::string why = std::strerror(errno);
    ::rmdir(top.c_str());
    if (test::must_run("cgroup2")) FAIL() << "cgroup2 must run: " << why;
    GTEST_SKIP() << why;
  }
  const std::string cgroup = top + "/layerbox-test-" + std::to_string(::getpid());
  std::atomic<bool> is_over{false};
  std::thread whoever_ran_it([&] {
    while (!is_over) {
      ::mkdir(cgroup.c_str(), 0755);
      ::rmdir(cgroup.c_str());
    }
  });
  int frozen = 0;
  std::string failure;
  for (int round = 0; round < 5'000 && failure.empty(); ++round) {
    bool may_be_told = false; // a freezing that finds nothing, before it began or after
    try {
      thaw_cgroup({cgroup});
      (void)is_frozen({cgroup});
      may_be_told = true;
      freeze_cgroup({cgroup});
      ++frozen;
    } catch (const Error& error) {
      const bool was_removed = error.kind() == ErrorKind::unsupported ||
                               error.what() == std::string("it has just ended");
      if (!may_be_told || !was_removed) failure = error.what();
    }
  }
  is_over = true;
  whoever_ran_it.join();
  ::rmdir(cgroup.c_str());
  ::umount2(top.c_str(), MNT_DETACH);
  ::rmdir(top.c_str());
  EXPECT_EQ(failure, "");
  EXPECT_GT(frozen, 0);
}

} // namespace
} // namespace layerbox
