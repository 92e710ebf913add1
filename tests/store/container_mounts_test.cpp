// Which mounts are a container's, told from the text of mount tables.
#include "store/container_mounts.hpp"

#include <gtest/gtest.h>

#include "store/store_version.hpp"

namespace layerbox {
namespace {

const std::string kId(64, 'a');

std::optional<std::string> container_of(const std::string& line) {
  const std::vector<MountEntry> mounts = parse_mount_table(line);
  return mounts.size() == 1 ? mounted_container(mounts.front()) : std::nullopt;
}

TEST(MountedContainer, IsKnownByTheSourceOrTheDirectory) {
  EXPECT_EQ(container_of("1 2 0:5 / /m ro - overlay layerbox:" + kId + " ro"), kId);
  EXPECT_EQ(container_of("1 2 8:1 /s/containers/" + kId + "/rootfs /m ro - ext4 /dev/sda rw"), kId);
  EXPECT_EQ(container_of("1 2 8:1 /containers/" + kId + "/empty /m ro - ext4 /dev/sda rw"), kId);
}

TEST(MountedContainer, IsNoneForOtherMounts) {
  const std::vector<std::string> lines{
      "1 2 0:5 / /m ro - overlay overlay ro", "1 2 0:5 / /m ro - overlay layerbox:abc ro",
      "1 2 8:1 /s/containers/" + kId + "/upper /m ro - ext4 /dev/sda rw",
      "1 2 8:1 /s/xcontainers/" + kId + "/rootfs /m ro - ext4 /dev/sda rw",
      "1 2 8:1 /s/containers/rootfs /m ro - ext4 /dev/sda rw"};
  for (const std::string& line : lines)
    EXPECT_EQ(container_of(line), std::nullopt) << line;
}

Identity root_of_namespace(IdMap outside) {
  Identity who;
  who.privilege = Privilege::subordinate;
  who.store_map = {{{0, 0, 1}, {1, 1, 65535}}, {{0, 0, 1}, {1, 1, 65535}}};
  who.outside = std::move(outside);
  return who;
}

TEST(TreeIdsOfANamespace, AreThoseOutside) {
  const TreeIds written =
      parse_version("layerbox store 1\nids subordinate 900000+65536 900000+65536\n", "s");
  const auto verdict = [&](const std::vector<IdRange>& ids) {
    return compare(written, root_of_namespace({ids, ids}));
  };
  EXPECT_EQ(verdict({{0, 1000, 1}, {1, 900000, 65535}}), IdsVerdict::same);
  EXPECT_EQ(verdict({{0, 1000, 1}, {1, 900000, 65536}}), IdsVerdict::same);
  EXPECT_EQ(verdict({{0, 1000, 1}, {1, 900001, 65535}}), IdsVerdict::other);
  EXPECT_EQ(verdict({{0, 1000, 1}, {2, 900000, 65535}}), IdsVerdict::other);
  EXPECT_EQ(verdict({{0, 1000, 65536}}), IdsVerdict::other);
  EXPECT_EQ(verdict({}), IdsVerdict::other);
}

} // namespace
} // namespace layerbox
