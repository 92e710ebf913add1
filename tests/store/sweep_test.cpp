// What nobody holds goes, what anybody holds stays, and what a crash left is never seen as whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <chrono>
#include <optional>
#include <sstream>
#include <thread>

#include "base/cgroup_end.hpp"
#include "store/process_identity.hpp"
#include "tests/store/child_process.hpp"
#include "tests/store/ordinary_user.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;

class Sweep : public StoreTest {
 protected:
  Store store_ = open();

  std::string layer_path(const std::string& name) const {
    return at("layers/sha256/" + key_of(name).str());
  }
  std::string blob_path(const std::string& content) const {
    return at("blobs/sha256/" + digest_of(content).hex());
  }
  void make_layer(const std::string& name) const {
    std::filesystem::create_directories(layer_path(name) + "/tree/usr");
  }
  std::string container_path(const std::string& id) const { return at("containers/" + id); }

  std::string dead_container(Keep keep) {
    ContainerState state;
    state.keep = keep;
    return ContainerLease::create(store_, state).state().id;
  }
};

TEST_F(Sweep, RemovesWhatKilledProcessesLeft) {
  Signal made;
  Child child([&] {
    Store store = open();
    const Staging staging = store.new_staging();
    stage_layer(store, staging, "half");
    const ContainerLease lease = ContainerLease::create(store, ContainerState{});
    made.give();
    ::pause();
    return 0;
  });
  made.await();
  EXPECT_EQ(store_.sweep().removed, 0U) << "what lives is left alone";
  EXPECT_EQ(entries_in(at("staging")), 1U);
  EXPECT_EQ(entries_in(at("containers")), 1U);
  child.kill_and_wait();
  const auto result = store_.sweep();
  EXPECT_EQ(result.removed, 2U);
  EXPECT_EQ(result.left, 0U) << result.why;
  for (const char* name : {"staging", "containers", "trash"})
    EXPECT_EQ(entries_in(at(name)), 0U) << name;
}

// A start asks whether there is anything to sweep, and is to be told the truth.
class IsSwept : public Sweep {
 protected:
  // Sweeps until nothing is left and some ticks have passed since.
  bool becomes_swept() {
    for (int i = 0; i < 40; ++i) {
      store_.sweep();
      if (store_.is_swept()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  ContainerState a_container() const {
    ContainerState state;
    state.keep = Keep::kept;
    return state;
  }
};

TEST_F(IsSwept, IsNotKnownBeforeTheFirstSweep) {
  EXPECT_FALSE(store_.is_swept());
  EXPECT_TRUE(becomes_swept());
  EXPECT_TRUE(store_.is_swept());
}

TEST_F(IsSwept, EndsWithWhateverMayBeGarbage) {
  ASSERT_TRUE(becomes_swept());
  { const Staging staging = store_.new_staging(); }
  EXPECT_FALSE(store_.is_swept()) << "somebody has imported";
  ASSERT_TRUE(becomes_swept());
  store_.catalog().publish_image(new_image("config", {"a"}, {"a:1"}));
  EXPECT_FALSE(store_.is_swept()) << "the database has changed";
  ASSERT_TRUE(becomes_swept());
  write_file(at("trash/file"), "junk");
  EXPECT_FALSE(store_.is_swept());
  ASSERT_TRUE(becomes_swept());
  std::filesystem::create_directories(at("living"));
  write_file(at("living/") + digest_of("x").hex(), ""); // of a maker that was killed first thing
  EXPECT_FALSE(store_.is_swept());
  ASSERT_TRUE(becomes_swept());
  EXPECT_EQ(entries_in(at("living")), 0U);
}

TEST_F(IsSwept, LooksWhetherTheLivingLive) {
  ASSERT_TRUE(becomes_swept());
  for (const Keep keep : {Keep::throw_away, Keep::kept}) {
    ContainerState state;
    state.keep = keep;
    std::optional<ContainerLease> lease = ContainerLease::create(store_, state);
    EXPECT_TRUE(store_.is_swept());
    lease.reset(); // as when its layerbox is killed
    EXPECT_FALSE(store_.is_swept());
    EXPECT_TRUE(becomes_swept());
    EXPECT_EQ(entries_in(at("living")), 0U);
  }
  EXPECT_EQ(entries_in(at("containers")), 1U);
}

TEST_F(IsSwept, DoesNotLookAtThoseAtRest) {
  const ContainerLease lease = ContainerLease::create(store_, a_container());
  ContainerLease::mark_at_rest(store_, lease.state().id);
  ASSERT_TRUE(becomes_swept());
  EXPECT_EQ(entries_in(at("living")), 0U);
  lease.mark_alive(store_);
  lease.mark_alive(store_); // of a run that was killed
  EXPECT_TRUE(store_.is_swept());
  EXPECT_EQ(entries_in(at("living")), 1U);
}

TEST_F(IsSwept, IsFalseWhileSomebodyHoldsGarbage) {
  store_.catalog().publish_image(new_image("config", {"a"}, {"a:1"}));
  make_layer("a");
  ContainerState state;
  state.layers = {key_of("a")};
  std::optional<ContainerLease> lease = ContainerLease::create(store_, state);
  {
    const RangeLock gate = store_.gate(LockMode::exclusive);
    store_.remove_image(*store_.catalog().image(digest_of("config")));
  }
  EXPECT_FALSE(becomes_swept()) << "its end is not told by anything";
  EXPECT_TRUE(exists(layer_path("a")));
  const std::string id = lease->state().id;
  std::filesystem::remove_all(container_path(id));
  ContainerLease::mark_at_rest(store_, id);
  lease.reset();
  EXPECT_TRUE(becomes_swept());
  EXPECT_FALSE(exists(layer_path("a")));
}

TEST_F(IsSwept, IsFalseWhileALayerIsLocked) {
  make_layer("busy");
  std::optional<RangeLock> lock = store_.layer_lock(key_of("busy").diff_id);
  EXPECT_FALSE(becomes_swept());
  lock.reset();
  EXPECT_TRUE(becomes_swept());
  EXPECT_FALSE(exists(layer_path("busy")));
}

TEST_F(Sweep, RemovesFilesWithoutRowsAndNothingElse) {
  store_.catalog().publish_image(new_image("config", {"a"}, {"a:1"}));
  store_.put_blob(digest_of("config"), "config");
  store_.put_blob(digest_of("stray"), "stray");
  write_file(at("blobs/sha256/") + digest_of("x").hex() + ".1234", "half");
  make_layer("a");
  make_layer("stray");
  write_file(at("layers/sha256/README"), "who put this here");
  std::filesystem::create_directories(at("containers/") + digest_of("no lease").hex());
  write_file(at("staging/file"), "junk");
  std::filesystem::create_symlink("/etc", at("staging/link"));
  const auto result = store_.sweep();
  EXPECT_EQ(result.removed, 7U);
  EXPECT_EQ(result.left, 0U) << result.why;
  EXPECT_TRUE(exists(layer_path("a")));
  EXPECT_TRUE(store_.has_blob(digest_of("config")));
  EXPECT_EQ(entries_in(at("layers/sha256")) + entries_in(at("blobs/sha256")), 2U);
  EXPECT_EQ(entries_in(at("staging")) + entries_in(at("trash")) + entries_in(at("containers")), 0U);
  EXPECT_TRUE(exists("/etc"));
  EXPECT_EQ(store_.sweep().removed, 0U);
}

TEST_F(Sweep, LeavesFilesWithoutRowsWhileSomebodyImports) {
  make_layer("fresh");
  store_.put_blob(digest_of("fresh"), "fresh");
  Signal held;
  Child importer([&] {
    const Store store = open();
    const Staging staging = store.new_staging();
    held.give();
    ::pause();
    return 0;
  });
  held.await();
  EXPECT_EQ(store_.sweep().removed, 0U);
  EXPECT_TRUE(exists(layer_path("fresh")));
  importer.kill_and_wait();
  EXPECT_EQ(store_.sweep().removed, 3U);
  EXPECT_FALSE(exists(layer_path("fresh")));
  EXPECT_FALSE(exists(blob_path("fresh")));
}

TEST_F(Sweep, LeavesALayerThatSomebodyHasLocked) {
  make_layer("busy");
  Signal held;
  Child locker([&] {
    const RangeLock lock = open().layer_lock(key_of("busy").diff_id);
    held.give();
    ::pause();
    return 0;
  });
  held.await();
  store_.sweep();
  EXPECT_TRUE(exists(layer_path("busy")));
  locker.kill_and_wait();
  store_.sweep();
  EXPECT_FALSE(exists(layer_path("busy")));
}

TEST_F(Sweep, MarksNothingWhileAnybodyIsInTheGate) {
  make_layer("stray");
  store_.move_to_trash("layers/sha256/none");
  std::filesystem::create_directory(at("trash/old"));
  Signal held;
  Child inside([&] {
    const RangeLock gate = open().gate(LockMode::shared);
    held.give();
    ::pause();
    return 0;
  });
  held.await();
  EXPECT_EQ(store_.sweep().removed, 1U) << "trash needs no gate";
  EXPECT_TRUE(exists(layer_path("stray")));
}

TEST_F(Sweep, KeepsKeptContainersAndTheirLayers) {
  const std::string id = dead_container(Keep::kept);
  const std::string other = dead_container(Keep::throw_away);
  store_.sweep();
  EXPECT_TRUE(exists(container_path(id)));
  EXPECT_FALSE(exists(container_path(other)));
}

TEST_F(Sweep, AsksTheRowsWhetherAContainerWithADamagedStateWasKept) {
  const std::string with_row = dead_container(Keep::kept);
  const std::string without_row = dead_container(Keep::kept);
  ContainerRow row;
  row.id = with_row;
  store_.catalog().insert_container(row);
  write_file(container_path(with_row) + "/lease", "{");
  write_file(container_path(without_row) + "/lease", "{");
  store_.sweep();
  EXPECT_TRUE(exists(container_path(with_row)));
  EXPECT_FALSE(exists(container_path(without_row)));
}

// A container of which only `process` is left: its layerbox was killed.
ContainerState left_behind(const Child& process, Keep keep) {
  ContainerState state;
  state.keep = keep;
  state.pid = process.pid();
  state.pid_start_time = process_facts(process.pid())->start_time;
  state.pid_namespace = pid_namespace_of(process.pid()).value();
  return state;
}

int wait_for_a_signal() {
  ::pause();
  return 0;
}

TEST_F(Sweep, EndsTheProcessOfADeadContainerBeforeItRemovesIt) {
  Child process(wait_for_a_signal);
  const std::string id =
      ContainerLease::create(store_, left_behind(process, Keep::throw_away)).state().id;
  EXPECT_EQ(store_.sweep().removed, 1U);
  EXPECT_FALSE(exists(container_path(id)));
  EXPECT_EQ(process.wait(), 128 + SIGKILL);
}

TEST_F(Sweep, EndsTheProcessOfADeadContainerThatIsKept) {
  Child process(wait_for_a_signal);
  const std::string id =
      ContainerLease::create(store_, left_behind(process, Keep::kept)).state().id;
  EXPECT_EQ(store_.sweep().removed, 0U);
  EXPECT_TRUE(exists(container_path(id)));
  EXPECT_EQ(process.wait(), 128 + SIGKILL);
}

// A cgroup of the container's, with a process in it: its layerbox was killed between making it and
// writing down the first process. "" where none can be made.
std::string make_cgroup_of(const ContainerState& state, const Child& process) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" - cgroup") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string skipped, point;
    fields >> skipped >> skipped >> skipped >> skipped >> point;
    const std::string path = point + '/' + cgroup_name(state.id);
    if (::mkdir(path.c_str(), 0755) != 0) continue;
    write_file(path + "/cgroup.procs", std::to_string(process.pid()));
    return path;
  }
  return "";
}

TEST_F(Sweep, EndsTheCgroupsOfDeadContainersAndWhatIsInThem) {
  for (const Keep keep : {Keep::throw_away, Keep::kept}) {
    Child process(wait_for_a_signal);
    ContainerState state;
    state.id = new_container_id();
    state.keep = keep;
    const std::string path = make_cgroup_of(state, process);
    if (path.empty()) LAYERBOX_SKIP("cgroups", "no cgroup can be made here");
    state.cgroups = {path};
    (void)ContainerLease::create(store_, state);
    const auto result = store_.sweep();
    EXPECT_EQ(result.left, 0U) << result.why;
    EXPECT_FALSE(exists(path));
    EXPECT_EQ(process.wait(), 128 + SIGKILL);
    EXPECT_EQ(exists(container_path(state.id)), keep == Keep::kept);
  }
}

TEST_F(Sweep, LeavesTheCgroupsOfTheLiving) {
  Child process(wait_for_a_signal);
  ContainerState state;
  state.id = new_container_id();
  const std::string path = make_cgroup_of(state, process);
  if (path.empty()) LAYERBOX_SKIP("cgroups", "no cgroup can be made here");
  state.cgroups = {path};
  const ContainerLease lease = ContainerLease::create(store_, state);
  store_.sweep();
  EXPECT_TRUE(exists(path));
  process.kill_and_wait();
  kill_leftover(state);
  EXPECT_FALSE(exists(path));
}

TEST_F(Sweep, IsSafeInManyProcessesAtOnceBesideImports) {
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i)
    children.emplace_back([&] {
      Store store = open();
      for (int round = 0; round < 20; ++round)
        if (store.sweep().left != 0) return 1;
      return 0;
    });
  for (int i = 0; i < 4; ++i)
    children.emplace_back([&, i] {
      Store store = open();
      for (int round = 0; round < 5; ++round) {
        const std::string name = std::to_string(i) + '-' + std::to_string(round);
        const Staging staging = store.new_staging();
        store.put_blob(digest_of(name), name);
        const RangeLock lock = store.layer_lock(key_of(name).diff_id);
        stage_layer(store, staging, name);
        store.commit_layers({{key_of(name), "layer"}}, staging.dir());
        store.catalog().publish_image(new_image(name, {name}, {"image:" + name}));
      }
      return 0;
    });
  for (Child& child : children)
    EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(store_.catalog().images().size(), 20U);
  for (const ImageRow& image : store_.catalog().images()) {
    EXPECT_TRUE(store_.has_blob(image.id));
    EXPECT_TRUE(exists(at("layers/sha256/" + image.layers.at(0).str() + "/tree/file")));
  }
}

TEST_F(Sweep, SaysWhatItCouldNotRemoveAndWhy) {
  const int status = Child([&] {
                       try {
                         take_private_mounts();
                         std::filesystem::create_directories(at("trash/mounted/point"));
                         mount_or_throw("tmpfs", at("trash/mounted/point"), "");
                       } catch (const Error& error) {
                         std::fprintf(stderr, "%s\n", error.what());
                         return 77;
                       }
                       std::filesystem::create_directories(at("trash/plain"));
                       const auto result = store_.sweep();
                       const bool told = result.why.find("point") != std::string::npos;
                       return result.left == 1 && result.removed == 1 && told ? 0 : 1;
                     }).wait();
  if (status == 77) LAYERBOX_SKIP("root", "a tmpfs could not be mounted");
  EXPECT_EQ(status, 0);
}

// As an ordinary user with subordinate ids: what lies below belongs to ids that he is not.
int sweep_as_subordinate(const std::string& scratch) {
  constexpr unsigned kFirst = 200'000;
  const std::string root = scratch + "/store";
  try {
    take_private_mounts();
    give_subordinate_ids(scratch, kFirst, 65'536);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 77;
  }
  if (::chown(scratch.c_str(), kOrdinaryUid, kOrdinaryGid) != 0) return 1;
  // The store must be made by the user, so the tree of other owners is made beside it first.
  const std::string tree = scratch + "/tree";
  std::filesystem::create_directories(tree + "/inner");
  write_file(tree + "/inner/file", "x");
  for (const std::string& path : {tree + "/inner", tree + "/inner/file"})
    if (::chown(path.c_str(), kFirst + 32, kFirst + 32) != 0) return 2;
  if (::chown(tree.c_str(), kOrdinaryUid, kOrdinaryGid) != 0) return 3;
  become_ordinary_user();
  const Identity identity = current_identity();
  if (identity.privilege != Privilege::subordinate) {
    std::fprintf(stderr, "%s\n", identity.reason.c_str());
    return 77;
  }
  Store store = Store::open(root, identity);
  if (::unlink((tree + "/inner/file").c_str()) == 0) return 4; // else this test shows nothing
  std::filesystem::rename(tree, root + "/trash/tree");
  const auto result = store.sweep();
  if (result.left != 0) std::fprintf(stderr, "%s\n", result.why.c_str());
  return result.removed == 1 && !exists(root + "/trash/tree") ? 0 : 5;
}

TEST(SweepRootless, RemovesFilesOfSubordinateIds) {
  if (::geteuid() != 0) LAYERBOX_SKIP("root", "only root can make files of other owners");
  const ScratchDir scratch;
  const int status = Child([&] { return sweep_as_subordinate(scratch.path()); }).wait();
  if (status == 77) LAYERBOX_SKIP("rootless", "there are no subordinate ids here");
  EXPECT_EQ(status, 0);
}

} // namespace
} // namespace layerbox::test
