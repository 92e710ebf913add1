// in_unpacker(): how its end, its lies and its failures come out.
#include "layers/oci/unpacker.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "base/confinement.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/message.hpp"
#include "base/temp.hpp"
#include "tests/base/thrown.hpp"
#include "tests/layers/oci/import_fixture.hpp"
#include "tests/layers/oci/tar_builder.hpp"

namespace layerbox::test {
namespace {

// A layer that is read from memory: the process has it by birth.
StoredLayer stored(std::string_view bytes) {
  return {{std::make_unique<MemorySource>(bytes), bytes.size()}};
}

class Unpacker : public ::testing::Test {
 protected:
  ConfinedLayer unpack(StoredLayer layer, const ImportLimits& limits = {}) {
    return unpack_confined(std::move(layer), dir, limits, current_identity(), log,
                           [](std::uint64_t, std::uint64_t) {});
  }

  TempDir temp{"unpacker-"};
  UniqueFd dir = make_or_open_dir_at(temp.dir(), "layer", 0755);
  ProgressLog log;
};

// A source that does something to the process that reads it.
class Harmful : public Source {
 public:
  explicit Harmful(std::function<void()> harm) : harm_(std::move(harm)) {}
  std::size_t read(std::span<std::byte>) override {
    harm_();
    return 0;
  }

 private:
  std::function<void()> harm_;
};

TEST_F(Unpacker, GivesBackWhatItCountedAndSaw) {
  TarBuilder builder;
  builder.dir("d").file("d/a", "hello").file("implied/b", std::string(3000, 'x'));
  const std::string tar = builder.finish();
  const ConfinedLayer unpacked = unpack(stored(tar));
  EXPECT_EQ(unpacked.layer.diff_id, sha256(tar));
  EXPECT_EQ(unpacked.layer.tar_bytes, tar.size());
  EXPECT_EQ(unpacked.stored_bytes, tar.size());
  EXPECT_EQ(unpacked.layer.size_bytes, 3005U);
  EXPECT_EQ(unpacked.layer.entries, 3U);
  EXPECT_TRUE(unpacked.layer.end_marked);
  EXPECT_EQ(unpacked.layer.implied, std::vector<RelPath>({RelPath(), RelPath::parse("implied")}));
  EXPECT_EQ(read_small_file(dir, RelPath::parse("tree/d/a"), 100), "hello");
}

TEST_F(Unpacker, SaysWhichSignalKilledIt) {
  for (const int signal : {SIGTRAP, SIGKILL, SIGABRT}) {
    const UniqueFd layer = make_or_open_dir_at(temp.dir(), std::to_string(signal).c_str(), 0755);
    StoredLayer harmful{{std::make_unique<Harmful>([signal] { ::raise(signal); })}};
    const Error error = thrown_by([&] { unpack(std::move(harmful)); });
    EXPECT_EQ(error.kind(), ErrorKind::system);
    EXPECT_EQ(std::string(error.what()),
              "the unpacker ended before it was done: killed by signal " + std::to_string(signal) +
                  " (" + ::sigdescr_np(signal) + ")");
    EXPECT_EQ(error.hint().empty(), signal != SIGKILL);
  }
}

TEST_F(Unpacker, PassesOnAnErrorWithAllItsParts) {
  StoredLayer failing{{std::make_unique<Harmful>(
      [] { throw Error(ErrorKind::limit_exceeded, "too much", EDQUOT).set_hint("raise it"); })}};
  const Error error = thrown_by([&] { unpack(std::move(failing)); });
  EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
  EXPECT_EQ(error.error_number(), EDQUOT);
  EXPECT_STREQ(error.what(), "too much");
  EXPECT_EQ(error.hint(), "raise it");
}

#ifndef LAYERBOX_SANITIZED
TEST_F(Unpacker, SaysThatItNeedsMoreMemoryThanItMayHave) {
  StoredLayer greedy{
      {std::make_unique<Harmful>([] { (void)std::vector<char>(kConfinedMemoryBytes).size(); })}};
  const Error error = thrown_by([&] { unpack(std::move(greedy)); });
  EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
  EXPECT_STREQ(error.what(), "reading it takes more than 256 MiB of memory");
}
#endif

// Of one that was taken over, what it says is looked at like an archive.
TEST_F(Unpacker, IsNotBelievedWhatMakesNoSense) {
  const auto said = [&](const std::string& message) {
    return thrown_by([&] {
      in_unpacker(
          dir, {}, log, [&](const Tell& tell) { tell(message); },
          [](std::string_view heard) {
            MessageReader in(heard);
            (void)RelPath::parse(in.text());
            in.end();
          });
    });
  };
  EXPECT_EQ(said(MessageWriter().text("../x").take()).kind(), ErrorKind::invalid_argument);
  EXPECT_EQ(said(MessageWriter().number(1 << 30).take()).kind(), ErrorKind::corrupt);
  EXPECT_EQ(said("short").kind(), ErrorKind::corrupt);
  EXPECT_EQ(said(MessageWriter().text("a").number(1).take()).kind(), ErrorKind::corrupt);
}

#ifdef LAYERBOX_FAULTS
TEST_F(Unpacker, WarnsOnceOfAWallThatIsMissing) {
  ::setenv("LAYERBOX_FAULT_LANDLOCK", "0", 1);
  for (int i = 0; i < 2; ++i)
    in_unpacker(
        dir, {}, log, [](const Tell&) {}, [](std::string_view) {});
  ::unsetenv("LAYERBOX_FAULT_LANDLOCK");
  EXPECT_EQ(log.warnings, std::vector<std::string>{
                              "archives are unpacked by a process that is confined, but without "
                              "Landlock (Linux 5.19 and later)"});
}
#endif

} // namespace
} // namespace layerbox::test
