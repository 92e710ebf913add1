#include "cli/mount_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

using testing::HasSubstr;

TEST(VolumeFlag, MakesTheSourceAbsolute) {
  EXPECT_EQ(parse_volume("./src:/src", "/home/me").source, "/home/me/src");
  EXPECT_EQ(parse_volume(".:/src", "/home/me").source, "/home/me");
  EXPECT_EQ(parse_volume("a/b:/src", "/home/me").source, "/home/me/a/b");
  EXPECT_EQ(parse_volume("/data//x/:/src", "/home/me").source, "/data/x");
}

TEST(VolumeFlag, ReadsOptions) {
  EXPECT_FALSE(parse_volume("/a:/b", "/").read_only);
  EXPECT_TRUE(parse_volume("/a:/b", "/").idmap);
  EXPECT_TRUE(parse_volume("/a:/b:ro,z", "/").read_only);
  EXPECT_FALSE(parse_volume("/a:/b:rw,noidmap,Z", "/").idmap);
}

TEST(VolumeFlag, ReadsPropagationWithAndWithoutItsR) {
  EXPECT_EQ(parse_volume("/a:/b", "/").propagation, Propagation::none);
  EXPECT_EQ(parse_volume("/a:/b:ro,rslave", "/").propagation, Propagation::from_host);
  EXPECT_EQ(parse_volume("/a:/b:slave", "/").propagation, Propagation::from_host);
  EXPECT_EQ(parse_volume("/a:/b:shared", "/").propagation, Propagation::both_ways);
  EXPECT_EQ(parse_volume("/a:/b:rshared,rprivate", "/").propagation, Propagation::none);
  EXPECT_FALSE(parse_volume("/a:/b:bind", "/").recursive);
}

TEST(VolumeFlag, ReadsANamedVolumeAndOneWithoutAName) {
  const MountSpec named = parse_volume("cache-1:/b:ro,nocopy", "/home/me");
  ASSERT_TRUE(named.volume);
  EXPECT_EQ(named.volume->name, "cache-1");
  EXPECT_FALSE(named.volume->copy);
  EXPECT_TRUE(named.read_only);
  EXPECT_EQ(named.source, "");
  const MountSpec own = parse_volume("/b", "/home/me");
  ASSERT_TRUE(own.volume);
  EXPECT_EQ(own.volume->name, "");
  EXPECT_EQ(own.destination, "/b");
  EXPECT_FALSE(parse_volume("/a:/b", "/").volume);
}

TEST(VolumeFlag, ReadsAnOverlay) {
  EXPECT_EQ(parse_volume("/a:/b:O", "/").kind, MountKind::overlay);
  EXPECT_EQ(parse_volume("./a:/b:O,z", "/w").source, "/w/a");
  for (const char* text : {"/a:/b:O,ro", "a:/b:O", "/b:O", "/a:/b:O,rslave", "/a:/b:O,noidmap"})
    EXPECT_THROW(parse_volume(text, "/"), UsageError) << text;
}

TEST(VolumeFlag, RefusesWhatItCannotDo) {
  for (const char* text :
       {"a", "/a:b", "/a:/", "/a:/b:X", "/a:/b:ro:x", ":/b", "/a:/b/../../c", "", "/a:/b:nocopy",
        "name:/b:rslave", "name:/b:noidmap", "na me:/b", "-name:/b", ".x:/b", "name\n:/b"})
    EXPECT_THROW(parse_volume(text, "/home/me"), UsageError) << text;
}

TEST(VolumeFlag, SaysWhatAVolumesNameIs) {
  try {
    parse_volume("da+ta:/b", "/home/me");
    FAIL() << "a name was taken that is none";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("run: -v da+ta:/b: 'da+ta' is no name for a volume"));
    EXPECT_THAT(error.hint(), HasSubstr("a path with a '/'"));
  }
}

TEST(MountFlag, ReadsABind) {
  const MountSpec mount =
      parse_mount("type=bind,src=x/y,dst=/b,readonly,bind-nonrecursive=true", "/w");
  EXPECT_EQ(mount.kind, MountKind::bind);
  EXPECT_EQ(mount.source, "/w/x/y");
  EXPECT_EQ(mount.destination, "/b");
  EXPECT_TRUE(mount.read_only);
  EXPECT_FALSE(mount.recursive);
}

TEST(MountFlag, ReadsHowMountsBelowComeAlong) {
  const auto read = [](const std::string& words) {
    return parse_mount("type=bind,src=/a,dst=/b," + words, "/");
  };
  EXPECT_TRUE(read("bind-recursive=enabled").recursive);
  EXPECT_FALSE(read("bind-recursive=disabled").recursive);
  EXPECT_TRUE(read("bind-recursive=writable,ro").submounts_writable);
  EXPECT_FALSE(read("ro,bind-recursive=readonly").submounts_writable);
  EXPECT_EQ(read("bind-propagation=rshared,consistency=cached").propagation,
            Propagation::both_ways);
  for (const char* words :
       {"bind-recursive=writable", "bind-recursive=readonly", "bind-recursive=perhaps",
        "bind-propagation=unbindable", "bind-propagation", "bind-recursive"})
    EXPECT_THROW(read(words), UsageError) << words;
}

TEST(MountFlag, ReadsAVolumeWithAndWithoutItsTypeAndName) {
  const MountSpec named = parse_mount("type=volume,src=cache,dst=/b,volume-nocopy", "/w");
  ASSERT_TRUE(named.volume);
  EXPECT_EQ(named.volume->name, "cache");
  EXPECT_FALSE(named.volume->copy);
  const MountSpec own = parse_mount("dst=/b,ro", "/w");
  ASSERT_TRUE(own.volume);
  EXPECT_EQ(own.volume->name, "");
  EXPECT_TRUE(own.read_only);
}

TEST(MountFlag, ReadsATmpfs) {
  const MountSpec mount = parse_mount("tmpfs-size=64m,type=tmpfs,target=/t,tmpfs-mode=1777", "/w");
  EXPECT_EQ(mount.kind, MountKind::tmpfs);
  EXPECT_EQ(mount.options, "size=67108864,mode=1777");
}

TEST(MountFlag, RefusesWhatItCannotDo) {
  for (const char* text :
       {"", "source=/a,target=/b", "type=glue,source=a,target=/b", "type=bind,target=/b",
        "type=volume,source=/a,target=/b", "type=volume,target=/b,bind-propagation=rslave",
        "type=bind,source=/a", "type=bind,source=/a,target=b", "type=bind,source=/a,target=/b,x=1",
        "type=tmpfs,target=/t,source=/a", "type=tmpfs,target=/t,tmpfs-mode=9",
        "type=bind,source=/a,target=/b,readonly=perhaps"})
    EXPECT_THROW(parse_mount(text, "/w"), UsageError) << text;
}

TEST(TmpfsFlag, ReadsOptions) {
  EXPECT_EQ(parse_tmpfs("/run").options, "");
  EXPECT_EQ(parse_tmpfs("/run/:exec,size=1k,uid=7").options, "exec,size=1024,uid=7");
  EXPECT_EQ(parse_tmpfs("/run/").destination, "/run");
  EXPECT_TRUE(parse_tmpfs("/run:ro").read_only);
}

TEST(TmpfsFlag, RefusesUnknownOptions) {
  EXPECT_THROW(parse_tmpfs("/run:uid=me"), UsageError);
  EXPECT_THROW(parse_tmpfs("run"), UsageError);
  EXPECT_THROW(parse_tmpfs("/run:mode=rwx"), UsageError);
  EXPECT_EQ(parse_tmpfs("/run:size=5%").options, "size=5%");
  EXPECT_THROW(parse_tmpfs("/run:size=much"), UsageError);
  EXPECT_THROW(parse_tmpfs("/run:size=101%"), UsageError);
}

TEST(OrderedMounts, PutsParentsFirstAndKeepsTheUsersOrderOtherwise) {
  std::vector<MountSpec> mounts(3);
  mounts[0].destination = "/a/b";
  mounts[1].destination = "/z";
  mounts[2].destination = "/a";
  const std::vector<MountSpec> ordered = ordered_mounts(std::move(mounts));
  EXPECT_EQ(ordered[0].destination, "/z");
  EXPECT_EQ(ordered[1].destination, "/a");
  EXPECT_EQ(ordered[2].destination, "/a/b");
}

TEST(OrderedMounts, RefusesADestinationTwice) {
  std::vector<MountSpec> mounts(2);
  mounts[0].destination = mounts[1].destination = "/a";
  EXPECT_THROW(ordered_mounts(std::move(mounts)), UsageError);
}

} // namespace
} // namespace layerbox
