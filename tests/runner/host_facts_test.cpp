// What is known of a kernel by its name.
#include "runner/host_facts.hpp"

#include <gtest/gtest.h>

namespace layerbox {
namespace {

TEST(HostFacts, OverlaysAreMadeByFsconfigFromLinuxSixPointFiveOn) {
  for (const char* release : {"6.5.0", "6.5", "6.18.44-fc", "7.0.0-rc1", "10.1", "strange", ""})
    EXPECT_TRUE(mounts_overlay_by_fsconfig(release)) << release;
  for (const char* release : {"6.4.16", "6.1.0-56-amd64", "5.14.0-503.el9.x86_64", "4.19"})
    EXPECT_FALSE(mounts_overlay_by_fsconfig(release)) << release;
}

} // namespace
} // namespace layerbox
