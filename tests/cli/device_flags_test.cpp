// --device as the user writes it, and the list of devices that comes of it.
#include "cli/device_flags.hpp"

#include <gtest/gtest.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

Identity root() {
  Identity identity;
  identity.privilege = Privilege::root;
  return identity;
}

TEST(DeviceFlag, ReadsNodeNameAndAccess) {
  const DeviceSpec plain = parse_device("/dev/fuse");
  EXPECT_EQ(plain.source, "/dev/fuse");
  EXPECT_EQ(plain.destination, "/dev/fuse");
  EXPECT_EQ(plain.access, "rwm");
  const DeviceSpec full = parse_device("/dev/a:/dev/b:r");
  EXPECT_EQ(full.source, "/dev/a");
  EXPECT_EQ(full.destination, "/dev/b");
  EXPECT_EQ(full.access, "r");
  const DeviceSpec access = parse_device("/dev/a:rw");
  EXPECT_EQ(access.destination, "/dev/a");
  EXPECT_EQ(access.access, "rw");
}

TEST(DeviceFlag, RefusesWhatIsNone) {
  for (const char* text : {"", "fuse", "/dev/a:b", "/dev/a:/b:x", "/dev/a:/b:rr", "/dev/a:r:/b",
                           "/dev/a:/b:r:w", "/dev/a:/b:", "/dev/a:/../b", "/dev/a:/"})
    EXPECT_THROW(parse_device(text), UsageError) << text;
}

TEST(DeviceFlag, MakesAListOnlyToRefuseAnAccess) {
  RunSpec spec;
  apply_devices(spec, {"/dev/null"}, root());
  EXPECT_EQ(spec.devices.size(), 1U);
  EXPECT_TRUE(spec.limits.devices.empty());
  apply_devices(spec, {"/dev/zero:/z:r"}, root());
  ASSERT_FALSE(spec.limits.devices.empty());
  EXPECT_FALSE(spec.limits.devices.front().allow);
  const DeviceRule zero{.allow = true, .type = 'c', .major = 1, .minor = 5, .access = "r"};
  EXPECT_EQ(spec.limits.devices.back(), zero);
}

TEST(DeviceFlag, JoinsAListThatIsThere) {
  RunSpec spec;
  spec.limits.devices = {{.allow = false}};
  apply_devices(spec, {"/dev/null"}, root());
  ASSERT_EQ(spec.limits.devices.size(), 2U);
  EXPECT_EQ(spec.limits.devices.back().minor, 3U);
}

TEST(DeviceFlag, NamesWhatIsNotThereAndWhatIsNoNode) {
  RunSpec spec;
  EXPECT_THROW(apply_devices(spec, {"/no/such"}, root()), Error);
  EXPECT_THROW(apply_devices(spec, {"/etc/passwd"}, root()), Error);
}

} // namespace
} // namespace layerbox
