#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/magic.h>
#include <sys/stat.h>

#include "store/file_system_check.hpp"
#include "store/store_creation.hpp"
#include "store/store_version.hpp"
#include "tests/store/child_process.hpp"
#include "tests/store/ordinary_user.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;

class StoreOpen : public StoreTest {
 protected:
  Error refusal() const {
    return error_of([&] { (void)open(); });
  }
  static unsigned mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777U;
  }
};

TEST_F(StoreOpen, MakesAStoreThatOnlyItsOwnerCanEnter) {
  Store store = open();
  EXPECT_TRUE(store.catalog().images().empty());
  EXPECT_EQ(mode_of(path()), 0700U);
  for (const char* name : {"blobs", "blobs/sha256", "layers", "layers/sha256", "derived",
                           "containers", "staging", "trash"})
    EXPECT_EQ(mode_of(at(name)), 0700U) << name;
  for (const char* name : {"version", "locks", "layerbox.db"})
    EXPECT_EQ(mode_of(at(name)), 0600U) << name;
  EXPECT_EQ(entries_in(at("staging")) + entries_in(at("trash")), 0U);
}

TEST_F(StoreOpen, OfWhoOnlyLooksMakesNothing) {
  EXPECT_FALSE(Store::open_existing(path(), test_identity()));
  EXPECT_FALSE(std::filesystem::exists(path()));
  std::filesystem::create_directory(path());
  EXPECT_FALSE(Store::open_existing(path(), test_identity()));
  EXPECT_TRUE(std::filesystem::is_empty(path()));
  (void)open();
  const auto found = Store::open_existing(path() + "/", test_identity());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path(), path());
}

TEST_F(StoreOpen, OfWhoOnlyLooksIsRefusedAsAnyOther) {
  (void)open();
  ::chmod(path().c_str(), 0755);
  EXPECT_THAT(error_of([&] { (void)Store::open_existing(path(), test_identity()); }).what(),
              HasSubstr("other users can enter it"));
}

TEST_F(StoreOpen, GivesTheSameModesUnderAnyUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{0777}}) {
    const ScratchDir scratch;
    ::chmod(scratch.path().c_str(), 0777);
    Child child([&] {
      if (::geteuid() == 0) become_ordinary_user();
      ::umask(mask);
      Identity identity = test_identity();
      Store store = Store::open(scratch / "a/b/store", identity);
      store.catalog().publish_image(new_image("config", {}, {"a:1"}));
      store.put_blob(digest_of("blob"), "blob");
      const Staging staging = store.new_staging();
      const ContainerLease lease = ContainerLease::create(store, ContainerState{});
      const auto mode = [&](const char* name) { return mode_of(scratch / name); };
      if (mode("a") != 0700 || mode("a/b/store") != 0700 || mode("a/b/store/trash") != 0700)
        return 1;
      if (mode("a/b/store/version") != 0600 || mode("a/b/store/layerbox.db-journal") != 0600)
        return 2;
      return mode_of(scratch / ("a/b/store/blobs/sha256/" + digest_of("blob").hex())) == 0444 ? 0
                                                                                              : 3;
    });
    EXPECT_EQ(child.wait(), 0) << "umask " << mask;
  }
}

TEST_F(StoreOpen, IsMadeOnceByManyProcessesAtOnce) {
  std::vector<Child> children;
  for (int i = 0; i < 8; ++i)
    children.emplace_back([&] {
      Store store = open();
      store.catalog().publish_image(new_image("config", {}, {"a:1"}));
      return 0;
    });
  for (Child& child : children)
    EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(open().catalog().images().size(), 1U);
}

// Two found no store; one has made it since, and works in it.
TEST_F(StoreOpen, IsNotMadeWhereAnotherProcessWasFirstAndHasUsedIt) {
  const Store store = open();
  write_file(at("reserve"), "");
  make_store(store.root(), path(), test_identity());
  EXPECT_EQ(mode_of(at("version")), 0600U);
}

TEST_F(StoreOpen, TakesOverAnEmptyDirectoryAndClosesIt) {
  std::filesystem::create_directory(path());
  ::chmod(path().c_str(), 0755);
  (void)open();
  EXPECT_EQ(mode_of(path()), 0700U);
}

TEST_F(StoreOpen, RefusesADirectoryThatHoldsSomethingElseAndAddsNothing) {
  std::filesystem::create_directory(path());
  write_file(at("letter.txt"), "dear");
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
  EXPECT_THAT(error.what(), HasSubstr("letter.txt"));
  EXPECT_EQ(entries_in(path()), 1U);
}

TEST_F(StoreOpen, RefusesARelativePathAndAFile) {
  const auto open_at = [](const std::string& root) {
    return error_of([&] { (void)Store::open(root, test_identity()); });
  };
  EXPECT_EQ(open_at("store").kind(), ErrorKind::invalid_argument);
  EXPECT_EQ(open_at("").kind(), ErrorKind::invalid_argument);
  write_file(path(), "");
  EXPECT_THAT(open_at(path()).what(), HasSubstr("Not a directory"));
}

TEST_F(StoreOpen, RefusesAnotherVersion) {
  (void)open();
  write_file(at("version"), "layerbox store 2\nids root\nand more\n");
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_THAT(error.what(), HasSubstr("version 2"));
  EXPECT_FALSE(error.hint().empty());
}

TEST_F(StoreOpen, RefusesAMalformedVersion) {
  (void)open();
  for (const char* text :
       {"", "layerbox store 1\n", "layerbox store 1\nids admin\n", "layerbox store 1\nids root",
        "layerbox store 1\nids root\nx", "layerbox store one\nids root\n",
        "layerbox store 1\nids single\n", "layerbox store 1\nids subordinate 5+ 6+7\n"}) {
    write_file(at("version"), text);
    EXPECT_EQ(refusal().kind(), ErrorKind::corrupt) << text;
  }
}

TEST_F(StoreOpen, RefusesAStoreOfAnotherUser) {
  (void)open();
  Identity other = test_identity();
  other.uid += 1;
  const Error error = error_of([&] { (void)Store::open(path(), other); });
  EXPECT_EQ(error.kind(), ErrorKind::permission_denied);
  EXPECT_THAT(error.what(), HasSubstr("belongs to uid " + std::to_string(::geteuid())));
}

TEST_F(StoreOpen, RefusesAStoreThatOthersCanEnter) {
  (void)open();
  ::chmod(path().c_str(), 0711);
  const Error error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::permission_denied);
  EXPECT_THAT(error.hint(), HasSubstr("chmod 700"));
}

TEST_F(StoreOpen, RefusesTreesOfAnotherIdMapAndSaysTheWayOut) {
  Identity identity = test_identity();
  identity.privilege = Privilege::subordinate;
  identity.store_map.uids = {{0, identity.uid, 1}, {1, 100'000, 1'000}};
  identity.store_map.gids = {{0, identity.gid, 1}, {1, 200'000, 1'000}};
  (void)Store::open(path(), identity);
  EXPECT_EQ(read_file(at("version")),
            "layerbox store 1\nids subordinate 100000+1000 200000+1000\n");
  (void)Store::open(path(), identity);

  Identity poorer = identity;
  poorer.privilege = Privilege::single;
  poorer.store_map = IdMap::single(identity.uid, identity.gid);
  poorer.reason = "there is no newuidmap";
  const Error error = error_of([&] { (void)Store::open(path(), poorer); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_THAT(error.what(), HasSubstr("there is no newuidmap"));
  EXPECT_THAT(error.hint(), HasSubstr("--root"));

  Identity moved = identity;
  moved.store_map.uids[1].outside = 300'000;
  EXPECT_EQ(error_of([&] { (void)Store::open(path(), moved); }).kind(), ErrorKind::unsupported);
}

TEST_F(StoreOpen, RecordsThatASubordinateRangeHasGrown) {
  Identity identity = test_identity();
  identity.privilege = Privilege::subordinate;
  identity.store_map.uids = {{0, identity.uid, 1}, {1, 100'000, 1'000}};
  identity.store_map.gids = identity.store_map.uids;
  (void)Store::open(path(), identity);
  Identity grown = identity;
  grown.store_map.uids[1].count = 2'000;
  (void)Store::open(path(), grown);
  EXPECT_EQ(read_file(at("version")),
            "layerbox store 1\nids subordinate 100000+2000 100000+1000\n");
  EXPECT_EQ(error_of([&] { (void)Store::open(path(), identity); }).kind(), ErrorKind::unsupported);
}

TEST_F(StoreOpen, RefusesAStoreThatLostItsDatabase) {
  (void)open();
  std::filesystem::remove(at("layerbox.db"));
  Store store = open();
  const Error error = error_of([&] { (void)store.catalog(); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  const auto swept = store.sweep();
  EXPECT_FALSE(exists(at("layerbox.db"))) << "a new one would make garbage of all layers";
  EXPECT_EQ(swept.removed, 0U);
}

TEST(TreeIds, ReadsBackWhatItWrites) {
  TreeIds ids;
  ids.kind = Privilege::subordinate;
  ids.uids = {{1, 100'000, 65'536}, {65'537, 300'000, 5}};
  ids.gids = {{1, 7, 8}};
  EXPECT_EQ(parse_version(version_text(ids), "/x"), ids);
  EXPECT_EQ(version_text(ids), "layerbox store 1\nids subordinate 100000+65536,300000+5 7+8\n");
  TreeIds single;
  single.uid = 1000;
  EXPECT_EQ(parse_version(version_text(single), "/x"), single);
}

TEST(FileSystemCheck, RefusesKindsThatCannotHoldAStore) {
  for (const std::uint64_t magic :
       {std::uint64_t{NFS_SUPER_MAGIC}, std::uint64_t{FUSE_SUPER_MAGIC},
        std::uint64_t{OVERLAYFS_SUPER_MAGIC}, std::uint64_t{CIFS_SUPER_MAGIC},
        std::uint64_t{SMB2_SUPER_MAGIC}, std::uint64_t{V9FS_MAGIC}})
    EXPECT_TRUE(objection({magic, false})) << std::hex << magic;
  for (const std::uint64_t magic : {std::uint64_t{EXT4_SUPER_MAGIC}, std::uint64_t{XFS_SUPER_MAGIC},
                                    std::uint64_t{BTRFS_SUPER_MAGIC}, std::uint64_t{TMPFS_MAGIC}}) {
    EXPECT_FALSE(objection({magic, false})) << std::hex << magic;
    EXPECT_THAT(objection({magic, true}).value_or(""), HasSubstr("casefold")) << std::hex << magic;
  }
}

// Opens a store at `root` and gives 0 when it was refused with `word` and nothing was left there.
int expect_refusal(const std::string& root, const std::string& word) {
  try {
    (void)Store::open(root, test_identity());
  } catch (const Error& error) {
    const bool right = error.kind() == ErrorKind::unsupported && !error.hint().empty() &&
                       std::string(error.what()).find(word) != std::string::npos;
    if (!right) std::fprintf(stderr, "refused with: %s\n", error.what());
    return right && !exists(root) ? 0 : 1;
  }
  std::fprintf(stderr, "accepted\n");
  return 2;
}

constexpr int kCannot = 77; // exit status of a child that could not make its file system

template <typename Mount> int refused_on(Mount&& mount, const std::string& root, const char* word) {
  try {
    take_private_mounts();
    mount();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return kCannot;
  }
  return expect_refusal(root, word);
}

TEST(FileSystemRefusal, RefusesAnOverlay) {
  const ScratchDir scratch;
  const auto mount = [&] {
    for (const char* name : {"lower", "upper", "work", "merged"})
      std::filesystem::create_directory(scratch / name);
    mount_or_throw("overlay", scratch / "merged",
                   "lowerdir=" + scratch / "lower" + ",upperdir=" + scratch / "upper" +
                       ",workdir=" + scratch / "work");
  };
  const int status =
      Child([&] { return refused_on(mount, scratch / "merged/store", "overlay"); }).wait();
  if (status == kCannot) LAYERBOX_SKIP("overlay", "an overlay could not be mounted");
  EXPECT_EQ(status, 0);
}

TEST(FileSystemRefusal, RefusesWhatHasNoExtendedAttributes) {
  const ScratchDir scratch;
  const auto mount = [&] {
    std::filesystem::create_directory(scratch / "ram");
    mount_or_throw("ramfs", scratch / "ram", "");
  };
  const int status =
      Child([&] { return refused_on(mount, scratch / "ram/store", "extended attributes"); }).wait();
  if (status == kCannot) LAYERBOX_SKIP("root", "a ramfs could not be mounted");
  EXPECT_EQ(status, 0);
}

TEST(FileSystemRefusal, RefusesADirectoryThatFoldsCase) {
  const ScratchDir scratch;
  const auto mount = [&] {
    std::filesystem::create_directories(scratch / "image");
    const std::string image = scratch / "ext4.img";
    const std::string make = "truncate -s 16M " + image + " && mkfs.ext4 -q -O casefold " + image +
                             " && mount -o loop " + image + ' ' + scratch / "image" + " && mkdir " +
                             scratch / "image/folded" + " && chattr +F " + scratch / "image/folded";
    if (std::system((make + " >&2").c_str()) != 0)
      throw Error(ErrorKind::unsupported, "the file system could not be made and mounted");
  };
  const int status =
      Child([&] { return refused_on(mount, scratch / "image/folded/store", "casefold"); }).wait();
  if (status == kCannot)
    LAYERBOX_SKIP("casefold", "an ext4 file system that folds case could not be mounted");
  EXPECT_EQ(status, 0);
}

TEST_F(StoreOpen, RefusesPartsOnAnotherFileSystem) {
  const int status =
      Child([&] {
        try {
          take_private_mounts();
          std::filesystem::create_directories(at("containers"));
          mount_or_throw("tmpfs", at("containers"), "mode=0700");
        } catch (const Error& error) {
          std::fprintf(stderr, "%s\n", error.what());
          return kCannot;
        }
        const Error error = refusal();
        return std::string(error.what()).find("'containers'") != std::string::npos ? 0 : 1;
      }).wait();
  if (status == kCannot) LAYERBOX_SKIP("root", "a tmpfs could not be mounted");
  EXPECT_EQ(status, 0);
}

} // namespace
} // namespace layerbox::test
