// One suite, every backend on every file system: what a container changed must not depend on how
// its root file system was made, and the layer of it must make the same root file system again.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <tuple>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/backend/backend.hpp"
#include "layers/container_view.hpp"
#include "layers/tar/tar_writer.hpp"
#include "layers/tar/unpack_layer.hpp"
#include "layers/view/compare_views.hpp"
#include "tests/layers/backend/change_cases.hpp"
#include "tests/layers/backend/in_mount.hpp"
#include "tests/layers/backend/temporary_store.hpp"
#include "tests/layers/backend/tree_listing.hpp"

namespace layerbox::test {

namespace {

constexpr timespec kActTime{1'650'000'000, 987'654'321};
constexpr std::int64_t kLongAgo = 1'700'000'000; // the image's files are older, new ones are not

// Gives all that was written just now one time: two runs of a case are the same then.
void settle(const std::string& top) {
  const UniqueFd dir = open_path(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const timespec times[2] = {kActTime, kActTime};
  const auto is_new = [](const struct stat& status) {
    return status.st_mtim.tv_sec > kLongAgo && status.st_mtim.tv_sec < 10 * kLongAgo;
  };
  walk(dir, [&](const WalkEntry& entry) {
    if (is_new(entry.status)) ::utimensat(entry.dir.get(), entry.name, times, AT_SYMLINK_NOFOLLOW);
    return WalkStep::into;
  });
  if (is_new(stat_fd(dir))) ::futimens(dir.get(), times);
}

std::string listing_text(const std::map<std::string, std::string>& listing) {
  std::string text;
  for (const auto& [path, line] : listing)
    text += printable(path) + "  " + line + '\n';
  return text;
}

std::string lines_of(const RootfsView& before, const RootfsView& now, const Identity& who) {
  std::string lines;
  list_changes(before, now, who, [&](ChangeKind kind, const RelPath& path) {
    lines += kind == ChangeKind::added ? 'A' : kind == ChangeKind::changed ? 'C' : 'D';
    lines += " /" + printable(path.str()) + '\n';
  });
  return lines;
}

std::string layer_of(const RootfsView& before, const RootfsView& now, const Identity& who) {
  StringSink sink;
  TarWriter tar(sink, TarKind::layer);
  tell_changes(before, now, who, tar);
  return sink.take();
}

class Changes : public ::testing::Test {
 protected:
  explicit Changes(const std::string& place = kOwnFileSystem) : why_not_here_(open_store(place)) {
    if (temporary_ != nullptr)
      chain_.emplace(store(), ::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  static void TearDownTestSuite() { stores_.clear(); }
  void SetUp() override {
    if (!why_not_here_.empty()) LAYERBOX_SKIP_UNLESS_REQUIRED("loop", why_not_here_);
    build_change_base(*chain_);
  }

  Store& store() { return temporary_->store(); }
  const Identity& who() { return store().identity(); }

  // A container of the backend that did `act` and ended; `seen` is what it saw then.
  ContainerInfo container_after(const BackendEntry& entry,
                                const std::function<void(const std::string&)>& act) {
    NoProgress quiet;
    ContainerLease lease = new_container(store(), chain_->keys());
    ContainerState state = lease.state();
    state.backend = entry.name;
    lease.update(state);
    const MountPlan plan = entry.open(store())->prepare(lease, chain_->keys(), Access::kept, quiet);
    in_mount(plan, [&](const std::string& top) {
      act(top);
      settle(top);
      return std::string();
    });
    // Mounted anew: overlayfs may number a file that it has just copied up differently for each of
    // its names.
    seen_ = in_mount(plan, [](const std::string& top) { return listing_text(list_tree(top)); });
    return {state, false, false};
  }

  // What the image looks like with `tar` as one more layer.
  std::string seen_with_layer(const BackendEntry& entry, const std::string& tar) {
    const LayerKey key{sha256(tar), std::nullopt};
    MemorySource source(tar);
    const UniqueFd layers = open_beneath(store().root(), RelPath::parse(layout::kLayers),
                                         O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!try_stat_at(layers, key.str().c_str())) {
      const UnpackedLayer layer =
          unpack_layer(source, make_or_open_dir_at(layers, key.str().c_str(), 0755), ImportLimits(),
                       who(), [](std::uint64_t) {});
      EXPECT_EQ(layer.diff_id, key.diff_id);
      EXPECT_TRUE(layer.implied.empty()) << "a directory of the layer is not told in it";
      EXPECT_EQ(layer.warnings, std::vector<std::string>());
    }
    std::vector<LayerKey> keys = chain_->keys();
    keys.push_back(key);
    NoProgress quiet;
    const ContainerLease lease = new_container(store(), keys);
    const MountPlan plan = entry.open(store())->prepare(lease, keys, Access::read_only, quiet);
    return in_mount(plan, [](const std::string& top) { return listing_text(list_tree(top)); });
  }

  TemporaryStore* temporary_ = nullptr;
  std::string why_not_here_;
  std::optional<ChainBuilder> chain_;
  std::string seen_;

 private:
  // One store a file system for all: making one takes longer than a test. Says why there is none.
  std::string open_store(const std::string& place) {
    const FileSystem& here = file_system(place);
    if (here.why_not.empty()) temporary_ = &stores_.try_emplace(place, here.path).first->second;
    return here.why_not;
  }

  static inline std::map<std::string, TemporaryStore> stores_;
};

using Param = std::tuple<std::string, ChangeCase>; // on which file system, what

class EveryBackendsChanges : public Changes, public ::testing::WithParamInterface<Param> {
 protected:
  EveryBackendsChanges() : Changes(std::get<0>(GetParam())) {}
};

TEST_P(EveryBackendsChanges, AreTheSameAndMakeTheSameAgain) {
  const auto& [place, story] = GetParam();
  if (const auto why = why_not(story.needs, temporary_->path()); !why.empty()) {
    LAYERBOX_SKIP_UNLESS_REQUIRED(capability_of(story.needs), why);
  }
  std::optional<std::string> first;
  for (const BackendEntry& entry : backends()) {
    if (entry.name == "fuse-overlayfs") continue; // served, not mounted: tests/e2e/test_fuse.py
    SCOPED_TRACE(entry.name);
    if (const BackendProbe probe = entry.probe(store(), Remember::no); !probe.works) {
      EXPECT_NE(probe.reason, "");
      if (is_for_another(entry.name, place)) continue;
      LAYERBOX_SKIP_UNLESS_REQUIRED(std::string(entry.name), probe.reason);
    }
    const ContainerInfo info = container_after(entry, story.act);
    const ContainerView container = ContainerView::open(store(), info, {}, Records::unread);
    EXPECT_EQ(lines_of(container.image(), container.seen(), who()), story.changes);
    const std::string tar = layer_of(container.image(), container.seen(), who());
    EXPECT_EQ(layer_of(container.image(), container.seen(), who()), tar);
    if (!first) first = tar;
    EXPECT_EQ(sha256(tar), sha256(*first)) << "another layer than the first backend's";
    if (story.changes.empty()) {
      EXPECT_EQ(tar, std::string(1024, '\0'));
    } else {
      EXPECT_EQ(seen_with_layer(entry, tar), seen_);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, EveryBackendsChanges,
                         ::testing::Combine(::testing::ValuesIn(file_systems()),
                                            ::testing::ValuesIn(change_cases())),
                         [](const auto& story) {
                           return std::get<0>(story.param) + std::get<1>(story.param).name;
                         });

// The rest is said of views alone, whatever made them.

class EachBackend : public Changes, public ::testing::WithParamInterface<std::string> {
 protected:
  EachBackend() : Changes(file_system_for(GetParam())) {}
  void SetUp() override {
    Changes::SetUp();
    if (temporary_ == nullptr) return;
    for (const BackendEntry& entry : backends()) {
      if (entry.name != GetParam()) continue;
      if (const BackendProbe probe = entry.probe(store(), Remember::no); !probe.works) {
        LAYERBOX_SKIP_UNLESS_REQUIRED(GetParam(), probe.reason);
      }
      entry_ = &entry;
    }
  }
  std::string diff_of(const ContainerInfo& info, std::vector<std::string> mount_points) {
    const ContainerView container =
        ContainerView::open(store(), info, mount_points, Records::unread);
    return lines_of(container.image(), container.seen(), who());
  }
  const BackendEntry* entry_ = nullptr;
};

TEST_P(EachBackend, SocketsAreLeftOut) {
  const ContainerInfo info = container_after(*entry_, [](const std::string& top) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::filesystem::current_path(top + "/etc");
    for (const char* name : {"new", "b"}) {
      ::unlink(name);
      sockaddr_un address{AF_UNIX, {}};
      std::copy_n(name, std::char_traits<char>::length(name), address.sun_path);
      const UniqueFd one(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::bind(one.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw_errno(errno, "bind");
    }
  });
  EXPECT_EQ(diff_of(info, {}), "C /etc\nD /etc/b\n");
}

TEST_P(EachBackend, EmptyMountPointsAreNobodysChange) {
  const ContainerInfo info = container_after(*entry_, [](const std::string& top) {
    std::filesystem::create_directories(top + "/proc");
    std::filesystem::create_directories(top + "/data/a/b");
    std::filesystem::create_directories(top + "/srv/used/volume");
    std::ofstream(top + "/etc/hosts");
    std::ofstream(top + "/etc/filled") << "x";
    std::ofstream(top + "/srv/used/file") << "x";
    std::filesystem::create_directories(top + "/mode/volume");
    std::filesystem::permissions(top + "/mode", std::filesystem::perms::owner_all);
    std::filesystem::create_directories(top + "/lib/x/volume");
  });
  const std::vector<std::string> points{
      "/proc", "/etc/hosts",   "/etc/filled",   "/etc/b", "/srv/used/volume", "/data/a/b",
      "/data", "/mode/volume", "/lib/x/volume", "/link",  "/nowhere/at/all",  "/"};
  EXPECT_EQ(diff_of(info, points),
            "C /etc\nA /etc/filled\nA /mode\nA /srv\nA /srv/used\nA /srv/used/file\n");
}

TEST_P(EachBackend, ADeepTreeIsGoneThrough) {
  const ContainerInfo info = container_after(*entry_, [](const std::string& top) {
    std::string path = top;
    for (int i = 0; i < 1000; ++i)
      path += "/d";
    std::filesystem::create_directories(path);
    std::ofstream(path + "/leaf") << "x";
  });
  const ContainerView container = ContainerView::open(store(), info, {}, Records::unread);
  const std::string lines = lines_of(container.image(), container.seen(), who());
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1001);
  EXPECT_TRUE(lines.ends_with("/d/leaf\n"));
}

TEST_P(EachBackend, ANameThatALayerCannotHaveIsRefused) {
  const ContainerInfo info = container_after(
      *entry_, [](const std::string& top) { std::ofstream(top + "/etc/.wh.a") << "x"; });
  const ContainerView container = ContainerView::open(store(), info, {}, Records::unread);
  EXPECT_EQ(lines_of(container.image(), container.seen(), who()), "C /etc\nA /etc/.wh.a\n");
  try {
    layer_of(container.image(), container.seen(), who());
    FAIL() << "a layer with the name '.wh.a'";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_NE(std::string(error.what()).find("/etc/.wh.a"), std::string::npos);
  }
}

TEST_P(EachBackend, TwoContainersAreCompared) {
  const ContainerInfo one = container_after(*entry_, [](const std::string& top) {
    std::ofstream(top + "/only-one") << "x";
    std::ofstream(top + "/both") << "x";
  });
  const ContainerInfo other = container_after(*entry_, [](const std::string& top) {
    std::ofstream(top + "/both") << "x";
    std::filesystem::remove(top + "/etc/b");
  });
  const ContainerView a = ContainerView::open(store(), one, {}, Records::unread);
  const ContainerView b = ContainerView::open(store(), other, {}, Records::unread);
  EXPECT_EQ(lines_of(a.seen(), b.seen(), who()), "C /etc\nD /etc/b\nD /only-one\n");
  EXPECT_EQ(lines_of(b.seen(), a.seen(), who()), "C /etc\nA /etc/b\nA /only-one\n");
}

TEST_P(EachBackend, AContainerThatIsReadCannotBeTaken) {
  const ContainerInfo info = container_after(*entry_, [](const std::string&) {});
  {
    const ContainerView one = ContainerView::open(store(), info, {}, Records::unread);
    const ContainerView other = ContainerView::open(store(), info, {}, Records::unread);
    EXPECT_FALSE(ContainerLease::try_take(store(), info.state.id));
    for (const ContainerInfo& listed : list_containers(store()))
      EXPECT_FALSE(listed.held) << listed.state.id;
    one.require_still_there();
  }
  const auto lease = ContainerLease::try_take(store(), info.state.id);
  ASSERT_TRUE(lease);
  EXPECT_THROW(ContainerView::open(store(), info, {}, Records::unread), Error);
}

INSTANTIATE_TEST_SUITE_P(Backends, EachBackend, ::testing::Values("overlay", "copy"),
                         [](const auto& story) { return story.param; });

TEST_F(Changes, BetweenImagesAreThoseOfTheirOwnLayers) {
  const std::vector<LayerKey> base = chain_->keys();
  chain_->layer().file("etc/a", "other").whiteout("lib").file("new/x", "x").finish();
  std::vector<LayerKey> one = chain_->keys();
  chain_->layer().file("etc/a", "A").opaque("etc").finish();
  const std::vector<LayerKey> two{base[0], base[1], chain_->keys().back()};
  const auto view = [&](const std::vector<LayerKey>& keys) {
    return view_of(open_layer_trees(store(), keys));
  };
  EXPECT_EQ(lines_of(view(base), view(base), who()), "");
  EXPECT_EQ(lines_of(view(base), view(one), who()), "C /etc\nC /etc/a\nD /lib\nA /new\nA /new/x\n");
  EXPECT_EQ(lines_of(view(base), view(two), who()),
            "C /etc\nD /etc/b\nD /etc/linked\nD /etc/linked2\nD /etc/same\nD /etc/twin\n");
  EXPECT_EQ(lines_of(view(one), view({}), who()), "D /etc\nD /fifo\nD /link\nD /new\nD /sparse\n");
  EXPECT_EQ(lines_of(view({}), view(two), who()).substr(0, 16), "A /etc\nA /etc/a\n");
}

} // namespace

} // namespace layerbox::test
