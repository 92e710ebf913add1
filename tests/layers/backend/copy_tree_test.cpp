// Copying a tree by several threads: the copy is the same, and a failure of one ends all.
#include "layers/backend/copy_tree.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "store/layout.hpp"
#include "tests/layers/backend/temporary_store.hpp"
#include "tests/layers/backend/tree_listing.hpp"

namespace layerbox::test {

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int kBranches = 6;
constexpr int kDepth = 6;
constexpr int kFilesADirectory = 25;

// Who is told, and by whom; throws when it is told for the nth time.
class Listener : public NoProgress {
 public:
  explicit Listener(std::size_t throw_at = 0) : throw_at_(throw_at) {}
  void advance(std::uint64_t done_bytes) override {
    EXPECT_EQ(std::this_thread::get_id(), thread_);
    EXPECT_GE(done_bytes, last);
    last = done_bytes;
    if (++told == throw_at_) throw Error(ErrorKind::interrupted, "enough of it");
  }

  std::uint64_t last = 0;
  std::size_t told = 0;

 private:
  std::size_t throw_at_;
  std::thread::id thread_ = std::this_thread::get_id();
};

// Exit status of a child that does `work`: 0 when all that it expected held.
int in_child(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      work();
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::size_t threads_here() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
}

std::size_t descriptors_here() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

class CopyTree : public ::testing::Test {
 protected:
  // Directories below one another, each with many files, all with a time, an owner and a mode of
  // its own. Under root's rights.
  std::uint64_t build_deep_tree() {
    LayerBuilder layer = chain_.layer();
    std::uint64_t bytes = 0;
    for (int branch = 0; branch < kBranches; ++branch) {
      std::string path = fmt::format("branch{}", branch);
      for (int depth = 0; depth < kDepth; ++depth, path += fmt::format("/d{}", depth)) {
        const timespec time{1'500'000'000 + branch * 1000 + depth, 1 + depth};
        layer.dir(path, {.mode = depth % 2 == 0 ? 0750U : 01711U, .mtime = time, .xattrs = {}});
        for (int i = 0; i < kFilesADirectory; ++i) {
          const std::string content(static_cast<std::size_t>(i * 37), 'x');
          layer.file(fmt::format("{}/f{}", path, i), content,
                     {.mode = 0600U + static_cast<mode_t>(i % 8),
                      .mtime = {1'400'000'000 + i, branch * 10 + depth},
                      .xattrs = {{"user.number", std::to_string(i)}}});
          bytes += content.size();
        }
      }
    }
    layer.finish();
    return bytes;
  }

  // An empty directory to copy into.
  std::string destination() {
    const std::string path = fmt::format("{}/copy{}", temporary_.path(), ++destinations_);
    fs::create_directory(path);
    return path;
  }
  std::string source() {
    return temporary_.store().path() + "/" + layout::layer_tree(chain_.keys().front());
  }
  void copy(const std::string& to, Progress& progress) {
    copy_tree(view_of(open_layer_trees(temporary_.store(), chain_.keys())), open_path(to, kOpenDir),
              progress);
  }
  std::string failure_of_copy(Progress& progress) {
    const std::size_t threads = threads_here();
    const std::size_t descriptors = descriptors_here();
    std::string message;
    try {
      copy(destination(), progress);
    } catch (const Error& error) {
      message = error.what();
    }
    EXPECT_EQ(threads_here(), threads);
    EXPECT_EQ(descriptors_here(), descriptors);
    return message;
  }

  TemporaryStore temporary_;
  ChainBuilder chain_{temporary_.store(), "copy tree"};
  int destinations_ = 0;
};

TEST_F(CopyTree, ManyFilesInDeepDirectoriesAreAsTheyWere) {
  const std::uint64_t bytes = build_deep_tree();
  const auto expected = list_tree(source());
  for (int i = 0; i < 3; ++i) {
    const std::string to = destination();
    Listener listener;
    copy(to, listener);
    EXPECT_EQ(list_tree(to), expected);
    EXPECT_EQ(listener.last, bytes);
  }
}

TEST_F(CopyTree, HardLinksAcrossDirectoriesStayLinks) {
  build_deep_tree();
  LayerBuilder layer = chain_.layer();
  layer.file("branch0/first", "linked").file("z/alone", "alone");
  for (int i = 0; i < 50; ++i)
    layer.hardlink(fmt::format("links{}/also", i % 10) + std::to_string(i), "branch0/first");
  layer.finish();
  const std::string to = destination();
  Listener listener;
  copy(to, listener);
  struct stat first {};
  ASSERT_EQ(::stat((to + "/branch0/first").c_str(), &first), 0);
  EXPECT_EQ(first.st_nlink, 51U);
  struct stat other {};
  ASSERT_EQ(::stat((to + "/links7/also17").c_str(), &other), 0);
  EXPECT_EQ(other.st_ino, first.st_ino);
}

TEST_F(CopyTree, OnOneCpuTheCallerCopiesAlone) {
  build_deep_tree();
  const auto expected = list_tree(source());
  EXPECT_EQ(in_child([&] {
              cpu_set_t one;
              CPU_ZERO(&one);
              CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
              ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
              const std::string to = destination();
              Listener listener;
              copy(to, listener);
              EXPECT_EQ(list_tree(to), expected);
            }),
            0);
}

// As a filter of a container around us may.
void forbid_threads() {
  constexpr auto kNumber = static_cast<std::uint32_t>(offsetof(struct seccomp_data, nr));
  std::array<sock_filter, 5> code = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST_F(CopyTree, WithoutThreadsTheCallerCopiesAlone) {
  build_deep_tree();
  const auto expected = list_tree(source());
  EXPECT_EQ(in_child([&] {
              forbid_threads();
              const std::string to = destination();
              Listener listener;
              copy(to, listener);
              EXPECT_EQ(list_tree(to), expected);
            }),
            0);
}

TEST_F(CopyTree, OneFailureStopsAllAndNamesTheFile) {
  build_deep_tree();
  chain_.layer().file("branch3/d1/large", std::string(1 << 20, 'x')).finish();
  EXPECT_EQ(in_child([&] {
              const struct rlimit most { 512 * 1024, 512 * 1024 };
              ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &most), 0);
              ::signal(SIGXFSZ, SIG_IGN);
              Listener listener;
              const std::string failure = failure_of_copy(listener);
              EXPECT_THAT(failure, HasSubstr("copying '/branch3/d1/large': "));
              EXPECT_THAT(failure, HasSubstr("File too large"));
            }),
            0);
}

TEST_F(CopyTree, WhoIsToldMayStopIt) {
  build_deep_tree();
  for (const std::size_t at : {1U, 20U, 100U}) {
    Listener listener(at);
    EXPECT_THAT(failure_of_copy(listener), HasSubstr("enough of it"));
    EXPECT_EQ(listener.told, at);
  }
}

TEST_F(CopyTree, WhatGoesAwayMeanwhileWasNotThere) {
  build_deep_tree();
  const std::string from = source();
  const std::string to = destination();
  std::jthread remover([&] {
    for (int branch = kBranches - 1; branch >= 0; --branch)
      fs::remove_all(fmt::format("{}/branch{}", from, branch));
  });
  Listener listener;
  copy_tree_as_it_lies(open_path(from, kOpenDir), Activity::live, open_path(to, kOpenDir),
                       listener);
}

TEST_F(CopyTree, TellsHowFarItIsInALargeFile) {
  constexpr std::size_t kBytes = 40U << 20;
  chain_.layer().file("large", std::string(kBytes, 'x')).file("small", "x").finish();
  Listener listener;
  copy(destination(), listener);
  EXPECT_EQ(listener.last, kBytes + 1);
}

} // namespace

} // namespace layerbox::test
