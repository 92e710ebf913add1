// The optional fields of mountinfo.
#include "runner/mount_peers.hpp"

#include <gtest/gtest.h>

namespace layerbox {
namespace {

constexpr const char* kTable =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "223 22 0:5 / /dev rw,nosuid master:1 propagate_from:2 - devtmpfs udev rw\n"
    "24 22 0:22 / /a\\040b rw shared:7 master:3 - tmpfs shared:9 rw\n"
    "25 22 0:23 / /own rw - tmpfs shared:5 rw\n";

TEST(MountPeers, ReadsWhoAMountSharesWith) {
  EXPECT_EQ(find_mount_peers(kTable, 22), (MountPeers{"/", true, false}));
  EXPECT_EQ(find_mount_peers(kTable, 223), (MountPeers{"/dev", false, true}));
  EXPECT_EQ(find_mount_peers(kTable, 24), (MountPeers{"/a b", true, true}));
}

TEST(MountPeers, TakesNothingAfterTheDashForAPeer) {
  EXPECT_EQ(find_mount_peers(kTable, 25), (MountPeers{"/own", false, false}));
}

TEST(MountPeers, FindsNothingForAMountThatIsNotThere) {
  EXPECT_EQ(find_mount_peers(kTable, 2), MountPeers());
  EXPECT_EQ(find_mount_peers("", 22), MountPeers());
  EXPECT_EQ(find_mount_peers("22", 22), MountPeers());
}

} // namespace
} // namespace layerbox
