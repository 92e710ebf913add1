// What is remembered holds while the store is as it was, and not a write longer.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "store/store_moment.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

using Of = StoreMoment::Of;

class Moments : public StoreTest {
 protected:
  Store store_ = open();
  const RelPath name_ = RelPath::parse("derived/thing");

  // As after a while without a write.
  StoreMoment settled(Of of = Of::database) const {
    for (;;) {
      auto moment = StoreMoment::now(store_.root(), of);
      if (moment.value().is_past()) return std::move(*moment);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  std::optional<std::string> recalled(Of of = Of::database) const {
    return recall(store_.root(), name_, StoreMoment::now(store_.root(), of).value());
  }
  void change(const std::string& content) {
    store_.catalog().publish_image(new_image(content, {content}, {content + ":1"}));
  }
};

TEST_F(Moments, AreTheSameUntilTheDatabaseIsWrittenTo) {
  change("one");
  const StoreMoment before = settled();
  EXPECT_TRUE(before == StoreMoment::now(store_.root(), Of::database));
  (void)store_.catalog().images();
  EXPECT_TRUE(before == StoreMoment::now(store_.root(), Of::database)) << "reading is no write";
  change("two");
  EXPECT_FALSE(before == StoreMoment::now(store_.root(), Of::database));
}

// SQLite writes over the beginning of its log when all of it is in the database: the size of
// neither changes then.
TEST_F(Moments, DifferAfterEachOfManyWrites) {
  {
    Store other = open();
    other.catalog().publish_image(new_image("first", {"first"}, {"first:1"}));
  }
  StoreMoment before = settled();
  for (int i = 0; i < 30; ++i) {
    {
      Store other = open(); // its end copies the log into the database
      const ImageRef name = ImageRef::parse("other");
      if (i % 2 == 0)
        other.catalog().tag_image(digest_of("first"), name);
      else
        other.catalog().untag_image(name);
    }
    const auto after = StoreMoment::now(store_.root(), Of::database);
    ASSERT_FALSE(before == after) << i;
    before = *after;
    std::this_thread::sleep_for(std::chrono::milliseconds(11)); // a tick of the slowest clock
  }
}

TEST_F(Moments, OfAllSeeWhoImportsAndWhatIsThrownAway) {
  const StoreMoment before = settled(Of::all);
  { const Staging staging = store_.new_staging(); }
  EXPECT_FALSE(before == StoreMoment::now(store_.root(), Of::all));
  const StoreMoment later = settled(Of::all);
  write_file(at("trash/x"), "");
  EXPECT_FALSE(later == StoreMoment::now(store_.root(), Of::all));
}

TEST_F(Moments, RememberWhatHolds) {
  EXPECT_EQ(recalled(), std::nullopt);
  remember(store_.root(), name_, settled(), "what");
  EXPECT_EQ(recalled(), "what");
  remember(store_.root(), name_, settled(), std::string(9000, 'x'));
  EXPECT_EQ(recalled(), std::string(9000, 'x'));
  EXPECT_EQ(recalled(Of::all), std::nullopt) << "of another kind";
  change("one");
  EXPECT_EQ(recalled(), std::nullopt);
}

TEST_F(Moments, RememberNothingOfJustNow) {
  change("one");
  const auto now = StoreMoment::now(store_.root(), Of::database).value();
  ASSERT_FALSE(now.is_past()) << "the database was written to within a twentieth of a second";
  remember(store_.root(), name_, now, "what");
  EXPECT_EQ(recalled(), std::nullopt);
}

TEST_F(Moments, RememberNothingThatHasPassed) {
  const StoreMoment before = settled();
  change("one");
  (void)settled();
  remember(store_.root(), name_, before, "what");
  EXPECT_FALSE(exists(at("derived/thing")));
}

TEST_F(Moments, TakeDamageForNothing) {
  remember(store_.root(), name_, settled(), "what");
  const std::string whole = read_file(at("derived/thing"));
  for (std::size_t size = 0; size + 4 < whole.size(); ++size) {
    write_file(at("derived/thing"), whole.substr(0, size));
    ASSERT_EQ(recalled(), std::nullopt) << size;
  }
  write_file(at("derived/thing.new"), "left by who was killed");
  remember(store_.root(), name_, settled(), "other"); // makes room
  remember(store_.root(), name_, settled(), "other");
  EXPECT_EQ(recalled(), "other");
  EXPECT_FALSE(exists(at("derived/thing.new")));
  remember(store_.root(), name_, settled(), std::string(kMaxRememberedBytes, 'x'));
  EXPECT_EQ(recalled(), "other") << "too large to be kept";
}

} // namespace
} // namespace layerbox::test
