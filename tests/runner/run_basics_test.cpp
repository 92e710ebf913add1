// The walls of a container of the real root, seen from inside.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

class RunBasics : public ::testing::Test {
 protected:
  void SetUp() override { LAYERBOX_NEEDS("root", why_no_root()); }
  Result shell(std::string_view script) { return run(shell_spec(rootfs, script)); }
  BusyboxRootfs rootfs;
};

TEST_F(RunBasics, RunsACommandAndReturnsWhatItWrote) {
  const Result result = shell("echo hello");
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(result.out, "hello\n");
  EXPECT_EQ(result.status, 0);
}

} // namespace
} // namespace layerbox::test
