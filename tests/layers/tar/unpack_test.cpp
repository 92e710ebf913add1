// unpack_layer as its callers meet it: progress, sources that fail or dribble, ordinary users.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tar/layer_record.hpp"
#include "tests/layers/tar/tar_builder.hpp"
#include "tests/layers/tar/workshop.hpp"

extern "C" void __tsan_init() __attribute__((weak)); // there when the program is built with it

namespace layerbox::test {
namespace {

// Hands out a few bytes at a time, and may fail at the end.
class Dribble : public Source {
 public:
  Dribble(std::string_view data, std::size_t step, bool fails)
      : data_(data), step_(step), fails_(fails) {}
  std::size_t read(std::span<std::byte> buffer) override {
    if (data_.empty() && fails_) throw Error(ErrorKind::corrupt, "the blob is damaged");
    const std::size_t size = std::min({buffer.size(), step_, data_.size()});
    std::memcpy(buffer.data(), data_.data(), size);
    data_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view data_;
  std::size_t step_;
  bool fails_;
};

std::string mixed_tar() {
  TarBuilder tar;
  tar.dir("d").file("d/big", std::string(5'000'000, 'x')).file("d/small", "y").link("l", "d/small");
  return tar.finish();
}

TEST(UnpackLayer, CountsWhatItFound) {
  Workshop workshop;
  const std::string tar = mixed_tar();
  const UnpackedLayer layer = workshop.unpack(tar);
  EXPECT_EQ(layer.diff_id, sha256(tar));
  EXPECT_EQ(layer.tar_bytes, tar.size());
  EXPECT_EQ(layer.size_bytes, 5'000'001U) << "a file with two names counts once";
  EXPECT_EQ(layer.entries, 4U);
}

TEST(UnpackLayer, CountsAFileWhoseNamesAreReplacedUntilTheLastIsGone) {
  Workshop workshop;
  TarBuilder tar;
  tar.file("a", "1234567").link("b", "a").link("c", "b").file("e", "").link("f", "e");
  tar.file("a", "1").file("e", "1").file("f", "1").link("d", "c").file("c", "1").file("b", "1");
  EXPECT_EQ(workshop.unpack(tar.finish()).size_bytes, 12U);
  Workshop last;
  tar = TarBuilder();
  tar.file("a", "1234567").link("b", "a").file("a", "1").file("b", "1");
  EXPECT_EQ(last.unpack(tar.finish()).size_bytes, 2U);
}

TEST(UnpackLayer, IsTheSameHoweverTheSourceDribbles) {
  const std::string tar = mixed_tar();
  for (const std::size_t step : {std::size_t{1000}, std::size_t{511}, std::size_t{65536}}) {
    Workshop workshop;
    Dribble source(tar, step, false);
    const UnpackedLayer layer =
        unpack_layer(source, workshop.new_layer(), ImportLimits{}, root_identity(), nullptr);
    EXPECT_EQ(layer.diff_id, sha256(tar));
    EXPECT_TRUE(workshop.rebuilt() == tar);
  }
}

TEST(UnpackLayer, PassesOnWhatTheSourceThrows) {
  Workshop workshop;
  for (const std::size_t cut : std::array<std::size_t, 4>{0, 512, 5000, 2'000'000}) {
    const std::string tar = mixed_tar().substr(0, cut);
    Dribble source(tar, 100'000, true);
    const std::string dir = fmt::format("layer-{}", cut);
    try {
      unpack_layer(source, workshop.new_layer(dir.c_str()), ImportLimits{}, root_identity(),
                   nullptr);
      ADD_FAILURE() << "a failing source was accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("the blob is damaged"), std::string::npos)
          << error.what();
    }
  }
}

TEST(UnpackLayer, TellsItsProgressUpToTheEnd) {
  Workshop workshop;
  const std::string tar = mixed_tar();
  MemorySource source(tar);
  std::vector<std::uint64_t> told;
  unpack_layer(source, workshop.new_layer(), ImportLimits{}, root_identity(),
               [&told](std::uint64_t done) { told.push_back(done); });
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_GE(told.size(), 5U);
  EXPECT_EQ(told.back(), tar.size());
}

TEST(UnpackLayer, StopsWhenItsListenerThrows) {
  Workshop workshop;
  const std::string tar = mixed_tar();
  MemorySource source(tar);
  try {
    unpack_layer(source, workshop.new_layer(), ImportLimits{}, root_identity(),
                 [](std::uint64_t) { throw Error(ErrorKind::interrupted, "stopped"); });
    ADD_FAILURE() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
}

TEST(UnpackLayer, RefusesADirectoryThatIsNotEmpty) {
  Workshop workshop;
  make_dir_at(workshop.new_layer(), "tree", 0700);
  const std::string tar = mixed_tar();
  MemorySource source(tar);
  EXPECT_THROW(unpack_layer(source, workshop.new_layer(), ImportLimits{}, root_identity(), nullptr),
               Error);
}

TEST(UnpackLayer, LimitsHeadersAndPaddingToo) {
  Workshop workshop;
  TarBuilder builder;
  builder.file("a").bytes(std::string(std::size_t{66} << 20, '\0'));
  ImportLimits limits;
  limits.max_bytes = 1000;
  try {
    workshop.unpack(builder.finish(), limits);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
    EXPECT_NE(std::string(error.what()).find("--max-bytes"), std::string::npos) << error.what();
  }
}

TEST(UnpackLayer, WritesHolesAsHoles) {
  Workshop workshop;
  TarBuilder builder;
  builder.pax({{"GNU.sparse.size", "1000000000"},
               {"GNU.sparse.numblocks", "2"},
               {"GNU.sparse.map", "500000000,2,1000000000,0"}});
  builder.file("sparse", "ab");
  workshop.unpack(builder.finish());
  const auto status = try_stat_at(workshop.tree(), "sparse");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->st_size, 1'000'000'000);
  EXPECT_LT(status->st_blocks, 1000);
}

// --- ordinary users ---

// Runs `body` in a child with the ids of nobody; true when it went well.
bool as_nobody(const std::function<void()>& body) {
  constexpr uid_t kNobody = 65534;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0)
      ::_exit(2);
    try {
      body();
    } catch (const std::exception& error) {
      fmt::print(stderr, "{}\n", error.what());
      ::_exit(1);
    }
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0;
}

TEST(UnpackLayer, ServesAnOrdinaryUserWithOneId) {
  const Workshop workshop;
  ASSERT_EQ(::fchmodat(AT_FDCWD, workshop.path().c_str(), 0755, 0), 0);
  ASSERT_EQ(::fchown(workshop.staging().get(), 65534, 65534), 0);
  TarBuilder builder;
  Header owned;
  owned.name = "d/owned";
  owned.uid = 1000;
  owned.mode = 04755;
  Header device;
  device.name = "null";
  device.type = '3';
  device.major = 1;
  device.minor = 3;
  builder.dir("./", 0); // closed to its owner, and more directories than are kept open
  for (int i = 0; i < 200; ++i)
    builder.dir(fmt::format("many-{}", i), 0500);
  builder.dir("d", 0).entry(owned, "mine").dir("d/ro", 0555).file("d/ro/a", "x");
  builder.entry(device).link("null2", "null").file(".wh.gone");
  builder.pax({{"SCHILY.xattr.trusted.a", "1"}, {"SCHILY.xattr.user.b", "2"}}).file("d/ro/x", "y");
  builder.file("d/ro", "replaces a read-only directory");
  const std::string tar = builder.finish();
  EXPECT_TRUE(as_nobody([&] {
    Identity who;
    who.privilege = Privilege::single;
    who.uid = who.gid = 65534;
    who.store_map = IdMap::single(65534, 65534);
    MemorySource source(tar);
    const UnpackedLayer layer =
        unpack_layer(source, workshop.new_layer(), ImportLimits{}, who, nullptr);
    EXPECT_EQ(layer.diff_id, sha256(tar));
    EXPECT_EQ(layer.unheld.devices, 2U);
    EXPECT_EQ(layer.unheld.owners, 1U);
    EXPECT_EQ(layer.unheld.xattrs, 1U);
    EXPECT_EQ(layer.warnings.size(), 3U);
  }));
  // Root looks at what came of it: a directory of mode 0 is closed to its owner.
  const std::string text = workshop.tree_text();
  EXPECT_NE(text.find("dir 0000 65534:65534 0.000000000 \"d\""), std::string::npos) << text;
  EXPECT_NE(text.find("file 4755 65534:65534 0.000000000 \"d/owned\" 4"), std::string::npos)
      << text;
  EXPECT_NE(text.find("whiteout \"null\""), std::string::npos) << text;
  EXPECT_NE(text.find("whiteout \"gone\""), std::string::npos) << text;
  EXPECT_TRUE(workshop.rebuilt() == tar);
}

TEST(UnpackLayer, KeepsMappedOwnersInAUserNamespace) {
  if (&__tsan_init != nullptr)
    GTEST_SKIP() << "ThreadSanitizer has a thread, and then no user namespace can be entered";
  Workshop workshop;
  Identity who;
  who.privilege = Privilege::subordinate;
  who.store_map = IdMap{{{0, 100000, 1001}}, {{0, 100000, 1001}}};
  ASSERT_EQ(::fchmodat(AT_FDCWD, workshop.path().c_str(), 0755, 0), 0);
  ASSERT_EQ(::fchown(workshop.staging().get(), 100000, 100000), 0);
  TarBuilder builder;
  Header owned;
  owned.name = "owned";
  owned.uid = 1000;
  owned.gid = 5;
  Header far = owned;
  far.name = "far";
  far.uid = 2000;
  builder.entry(owned, "a").entry(far, "b").file(".wh.c").dir("o").file("o/.wh..wh..opq");
  const std::string tar = builder.finish();
  const UniqueFd ns = make_user_namespace(who.store_map, root_identity());
  call_in_user_namespace(ns, [&] {
    MemorySource source(tar);
    const UnpackedLayer layer =
        unpack_layer(source, workshop.new_layer(), ImportLimits{}, who, nullptr);
    if (layer.unheld.owners != 1) throw Error(ErrorKind::corrupt, "one owner is not mapped");
  });
  const std::string text = workshop.tree_text();
  EXPECT_NE(text.find("file 0644 101000:100005 0.000000000 \"owned\""), std::string::npos) << text;
  EXPECT_NE(text.find("file 0644 100000:100005 0.000000000 \"far\""), std::string::npos) << text;
  EXPECT_NE(text.find("whiteout \"c\""), std::string::npos) << text;
  EXPECT_NE(text.find("opaque \"o\""), std::string::npos) << text;
  EXPECT_TRUE(workshop.rebuilt() == tar);
}

} // namespace
} // namespace layerbox::test
