// What deletes the trash when nobody waits for it.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "base/pipe.hpp"
#include "store/locks.hpp"
#include "store/trash.hpp"
#include "tests/store/child_process.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

class Trash : public StoreTest {
 protected:
  Store store_ = open();

  void fill(const std::string& name) const {
    std::filesystem::create_directories(at("trash/" + name + "/tree"));
    write_file(at("trash/" + name + "/tree/file"), "junk");
  }
  // Whoever deletes has the lock until he is done.
  std::size_t left_when_done() const {
    const RangeLock done = take_lock(store_.root(), kTrashLock, LockMode::exclusive);
    return entries_in(at("trash"));
  }
};

TEST_F(Trash, GoesByAProcessThatOutlivesItsCaller) {
  fill("a");
  Child caller([&] { return empty_trash_later(store_.root(), store_.identity()) ? 0 : 1; });
  EXPECT_EQ(caller.wait(), 0);
  EXPECT_EQ(left_when_done(), 0U);
}

TEST_F(Trash, IsLeftToTheProcessThatDeletesIt) {
  std::optional<RangeLock> held = take_lock(store_.root(), kTrashLock, LockMode::exclusive);
  fill("a");
  EXPECT_TRUE(empty_trash_later(store_.root(), store_.identity()));
  EXPECT_EQ(store_.sweep().removed, 0U);
  EXPECT_EQ(entries_in(at("trash")), 1U) << "it waits, and who sweeps does not";
  held.reset();
  // Nobody but the process takes it away.
  while (entries_in(at("trash")) > 0)
    ::usleep(1'000);
  EXPECT_EQ(left_when_done(), 0U);
}

TEST_F(Trash, IsDeletedByAProcessThatHoldsNothingOfItsCaller) {
  std::optional<RangeLock> held = take_lock(store_.root(), kTrashLock, LockMode::exclusive);
  fill("a");
  Pipe pipe = make_pipe();
  ASSERT_EQ(::fcntl(pipe.write.get(), F_SETFD, 0), 0);
  ASSERT_TRUE(empty_trash_later(store_.root(), store_.identity())); // it waits for the lock
  pipe.write.reset();
  std::array<char, 1> byte{};
  EXPECT_EQ(::read(pipe.read.get(), byte.data(), byte.size()), 0) << "nobody else can write to it";
  held.reset();
  while (entries_in(at("trash")) > 0)
    ::usleep(1'000);
}

TEST_F(Trash, IsWaitedForByWhoNeedsTheRoom) {
  Signal held;
  Pipe go = make_pipe();
  Child deleter([&] {
    const RangeLock lock = take_lock(open().root(), kTrashLock, LockMode::exclusive);
    held.give();
    go.write.reset();
    std::array<char, 1> byte{};
    return static_cast<int>(::read(go.read.get(), byte.data(), byte.size()));
  });
  held.await();
  fill("a");
  EXPECT_EQ(empty_trash(store_.root(), store_.identity()).removed, 0U);
  go.write.reset();
  EXPECT_EQ(empty_trash(store_.root(), store_.identity(), HeldTrash::wait).removed, 1U);
  EXPECT_EQ(deleter.wait(), 0);
}

TEST_F(Trash, KnowsWhetherThereIsRoomForAsMuchAgain) {
  EXPECT_TRUE(has_room_beside(store_.root(), 0, 0));
  EXPECT_FALSE(has_room_beside(store_.root(), std::uint64_t{1} << 62, 0));
  struct statvfs status {};
  ASSERT_EQ(::fstatvfs(store_.root().get(), &status), 0);
  EXPECT_EQ(has_room_beside(store_.root(), 0, std::uint64_t{1} << 62), status.f_files == 0);
}

} // namespace
} // namespace layerbox::test
