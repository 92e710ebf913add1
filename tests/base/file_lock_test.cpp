#include "base/file_lock.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "tests/base/child.hpp"

namespace layerbox {
namespace {

using test::Child;
using test::in_child;

class Pipe {
 public:
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno(errno, "make a pipe");
    read_end_.reset(ends[0]);
    write_end_.reset(ends[1]);
  }
  void tell() { ASSERT_EQ(::write(write_end_.get(), "x", 1), 1); }
  bool hear() { // false when every writer is gone
    write_end_.reset();
    char byte = 0;
    return ::read(read_end_.get(), &byte, 1) == 1;
  }

 private:
  UniqueFd read_end_, write_end_;
};

class Locks : public ::testing::Test {
 protected:
  void SetUp() override { write_new_file(dir_.dir(), "locks", "", 0600); }
  UniqueFd open_file() const { return open_beneath(dir_.dir(), RelPath::parse("locks"), O_RDWR); }
  UniqueFd open_dir() const { return open_beneath(dir_.dir(), RelPath(), O_RDONLY | O_DIRECTORY); }
  bool file_is_free(LockMode mode) const {
    return FileLock::try_take(open_file(), mode, "locks").has_value();
  }
  bool range_is_free(std::uint64_t index, LockMode mode) const {
    return RangeLock::try_take(open_file(), index, mode, "locks").has_value();
  }
  // A process that has done `take` and holds what came of it until it is killed.
  static void with_holder(const std::function<void(Pipe&)>& take,
                          const std::function<void()>& while_held) {
    Pipe ready;
    Child holder([&] { take(ready); });
    ASSERT_TRUE(ready.hear()) << "the holder did not get its lock";
    while_held();
    holder.kill_hard();
    EXPECT_EQ(holder.wait(), 128 + SIGKILL);
  }

  TempDir dir_;
};

TEST_F(Locks, AnExclusiveFileLockKeepsOthersOutUntilItsHolderIsKilled) {
  with_holder(
      [&](Pipe& ready) {
        const FileLock lock = FileLock::take(open_file(), LockMode::exclusive, "locks");
        ready.tell();
        ::pause();
      },
      [&] {
        EXPECT_FALSE(file_is_free(LockMode::exclusive));
        EXPECT_FALSE(file_is_free(LockMode::shared));
      });
  EXPECT_TRUE(file_is_free(LockMode::exclusive));
}

TEST_F(Locks, ASharedFileLockLetsOtherReadersIn) {
  with_holder(
      [&](Pipe& ready) {
        const FileLock lock = FileLock::take(open_file(), LockMode::shared, "locks");
        ready.tell();
        ::pause();
      },
      [&] {
        EXPECT_TRUE(file_is_free(LockMode::shared));
        EXPECT_FALSE(file_is_free(LockMode::exclusive));
      });
  EXPECT_TRUE(file_is_free(LockMode::exclusive));
}

TEST_F(Locks, ADirectoryIsLockedLikeAFile) {
  with_holder(
      [&](Pipe& ready) {
        const FileLock lock = FileLock::take(open_dir(), LockMode::exclusive, "staging");
        ready.tell();
        ::pause();
      },
      [&] { EXPECT_FALSE(FileLock::try_take(open_dir(), LockMode::shared, "staging")); });
  EXPECT_TRUE(FileLock::try_take(open_dir(), LockMode::exclusive, "staging"));
}

TEST_F(Locks, AFileLockEndsWithItsObjectAndMovesWithIt) {
  {
    FileLock first = FileLock::take(open_file(), LockMode::exclusive, "locks");
    const FileLock moved = std::move(first);
    EXPECT_FALSE(file_is_free(LockMode::shared)) << "one process, two descriptions";
  }
  EXPECT_TRUE(file_is_free(LockMode::exclusive));
}

TEST_F(Locks, ARangeLockHoldsItsNumberOnlyUntilItsHolderIsKilled) {
  constexpr std::uint64_t kFar = std::uint64_t{1} << 62;
  with_holder(
      [&](Pipe& ready) {
        const RangeLock near = RangeLock::take(open_file(), 7, LockMode::exclusive, "locks");
        const RangeLock far = RangeLock::take(open_file(), kFar, LockMode::exclusive, "locks");
        ready.tell();
        ::pause();
      },
      [&] {
        EXPECT_FALSE(range_is_free(7, LockMode::shared));
        EXPECT_FALSE(range_is_free(kFar, LockMode::exclusive));
        EXPECT_TRUE(range_is_free(6, LockMode::exclusive));
        EXPECT_TRUE(range_is_free(8, LockMode::exclusive));
        EXPECT_TRUE(range_is_free(kFar - 1, LockMode::exclusive));
      });
  EXPECT_TRUE(range_is_free(7, LockMode::exclusive));
  EXPECT_TRUE(range_is_free(kFar, LockMode::exclusive));
}

TEST_F(Locks, ManyNumbersAreHeldByOneDescriptor) {
  with_holder(
      [&](Pipe& ready) {
        const RangeLock all =
            RangeLock::take_all(open_file(), {3, 4, 9}, LockMode::exclusive, "locks");
        ready.tell();
        ::pause();
      },
      [&] {
        for (const std::uint64_t held : {3U, 4U, 9U})
          EXPECT_FALSE(range_is_free(held, LockMode::shared)) << held;
        for (const std::uint64_t free : {2U, 5U, 8U, 10U})
          EXPECT_TRUE(range_is_free(free, LockMode::exclusive)) << free;
      });
  for (const std::uint64_t held : {3U, 4U, 9U})
    EXPECT_TRUE(range_is_free(held, LockMode::exclusive)) << held;
}

TEST_F(Locks, ASharedRangeLockLetsOtherReadersIn) {
  with_holder(
      [&](Pipe& ready) {
        const RangeLock lock = RangeLock::take(open_file(), 0, LockMode::shared, "gate");
        ready.tell();
        ::pause();
      },
      [&] {
        EXPECT_TRUE(range_is_free(0, LockMode::shared));
        EXPECT_FALSE(range_is_free(0, LockMode::exclusive));
      });
}

TEST_F(Locks, AnExclusiveRangeLockCanBeSharedFromThenOn) {
  RangeLock lock = RangeLock::take(open_file(), 5, LockMode::exclusive, "ranges");
  EXPECT_FALSE(range_is_free(5, LockMode::shared));
  lock.share(5, "ranges");
  EXPECT_TRUE(range_is_free(5, LockMode::shared));
  EXPECT_FALSE(range_is_free(5, LockMode::exclusive));
}

// What fcntl(2)'s older locks do not do: these belong to the description, not to the process.
TEST_F(Locks, RangeLocksOfOneProcessExcludeEachOther) {
  const RangeLock held = RangeLock::take(open_file(), 3, LockMode::exclusive, "locks");
  EXPECT_FALSE(range_is_free(3, LockMode::exclusive));
  { const UniqueFd other = open_file(); } // closing another descriptor of the file frees nothing
  EXPECT_FALSE(range_is_free(3, LockMode::exclusive));
}

TEST_F(Locks, FileLocksAndRangeLocksDoNotMeet) {
  const FileLock whole = FileLock::take(open_file(), LockMode::exclusive, "locks");
  EXPECT_TRUE(range_is_free(0, LockMode::exclusive));
}

TEST_F(Locks, WhoWaitsGetsTheLockWhenItsHolderIsKilled) {
  Pipe held, got;
  Child holder([&] {
    const RangeLock lock = RangeLock::take(open_file(), 1, LockMode::exclusive, "locks");
    const FileLock file = FileLock::take(open_file(), LockMode::exclusive, "locks");
    held.tell();
    ::pause();
  });
  ASSERT_TRUE(held.hear());
  Child waiter([&] {
    const RangeLock lock = RangeLock::take(open_file(), 1, LockMode::exclusive, "locks");
    const FileLock file = FileLock::take(open_file(), LockMode::exclusive, "locks");
    got.tell();
  });
  holder.kill_hard();
  EXPECT_EQ(holder.wait(), 128 + SIGKILL);
  EXPECT_TRUE(got.hear());
  EXPECT_EQ(waiter.wait(), 0);
}

TEST_F(Locks, ALockSurvivesAForkedChildThatEnds) {
  const RangeLock held = RangeLock::take(open_file(), 9, LockMode::exclusive, "locks");
  const FileLock file = FileLock::take(open_file(), LockMode::exclusive, "locks");
  EXPECT_EQ(in_child([] {}), 0);
  EXPECT_FALSE(range_is_free(9, LockMode::shared));
  EXPECT_FALSE(file_is_free(LockMode::shared));
}

TEST_F(Locks, SayWhichLockCannotBeTaken) {
  UniqueFd read_only = open_beneath(dir_.dir(), RelPath::parse("locks"), O_RDONLY);
  try {
    RangeLock::take(std::move(read_only), 0, LockMode::exclusive, "the gate");
    FAIL() << "an exclusive lock needs a writable descriptor";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_number(), EBADF);
    EXPECT_NE(std::string(error.what()).find("'the gate'"), std::string::npos);
  }
}

} // namespace
} // namespace layerbox
