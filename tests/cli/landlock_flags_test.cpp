// --security-opt landlock=RULE as words, and what it takes from the capabilities.
#include "cli/landlock_flags.hpp"

#include <gmock/gmock.h>

#include "cli/error_report.hpp"
#include "cli/merge_config.hpp"

namespace layerbox {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

LandlockSpec rules_of(const std::vector<std::string>& texts) {
  LandlockSpec spec;
  for (const std::string& text : texts)
    add_landlock_rule(spec, text);
  return spec;
}

std::string landlock_refusal(const std::string& text) {
  try {
    rules_of({text});
  } catch (const UsageError& error) {
    return std::string(error.what()) + "; " + error.hint();
  }
  return "";
}

RunSpec merged(std::vector<std::string> options, std::vector<std::string> cap_add = {}) {
  RunFlags flags;
  flags.operands = {"image", "sh"};
  flags.security.options = std::move(options);
  flags.cap_add = std::move(cap_add);
  Surroundings around;
  around.container_id = std::string(64, 'a');
  around.working_directory = "/";
  around.variable = [](const std::string&) { return std::nullopt; };
  return merge_config({}, flags, around);
}

TEST(LandlockFlags, NameWhatAPathMayBeUsedFor) {
  const LandlockSpec spec =
      rules_of({"r:/a", "w:/b", "x:/c", "ro:/d", "rx:/e", "rw:/f", "rwx:/g:h"});
  EXPECT_THAT(spec.paths,
              ElementsAre(LandlockPath{kLandlockRead, "/a"}, LandlockPath{kLandlockWrite, "/b"},
                          LandlockPath{kLandlockExecute, "/c"},
                          LandlockPath{kLandlockRead | kLandlockExecute, "/d"},
                          LandlockPath{kLandlockRead | kLandlockExecute, "/e"},
                          LandlockPath{kLandlockRead | kLandlockWrite | kLandlockExecute, "/f"},
                          LandlockPath{kLandlockRead | kLandlockWrite | kLandlockExecute, "/g:h"}));
  EXPECT_FALSE(spec.holds_tcp());
}

TEST(LandlockFlags, AddUpAndSayNothingTwice) {
  const LandlockSpec spec = rules_of(
      {"connect:443", "connect:80", "connect:443", "bind:0", "ro:/", "ro:/", "w:/", "scope"});
  EXPECT_THAT(spec.connect_ports, ElementsAre(443, 80));
  EXPECT_THAT(spec.bind_ports, ElementsAre(0));
  EXPECT_EQ(spec.paths.size(), 2U);
  EXPECT_TRUE(spec.scoped);
}

TEST(LandlockFlags, RefuseWhatIsNoRule) {
  for (const char* text : {"",
                           ":",
                           "/",
                           "ro",
                           "ro:",
                           "ro:tmp",
                           "wr:/tmp",
                           "connect",
                           "connect:",
                           "connect:0",
                           "connect:65536",
                           "connect:-1",
                           "connect:80x",
                           "connect:http",
                           "bind:",
                           "bind:99999",
                           "scope:",
                           "scope:signal",
                           "scoped",
                           "ro,/tmp",
                           "READ:/tmp"})
    EXPECT_NE(landlock_refusal(text), "") << text;
  EXPECT_THAT(landlock_refusal("conect:80"), HasSubstr("did you mean 'connect'"));
  EXPECT_THAT(landlock_refusal("ro:tmp"),
              HasSubstr("'landlock=ro:tmp': 'tmp' is not an absolute path"));
}

TEST(LandlockFlags, ComeFromSecurityOptions) {
  const RunSpec spec =
      merged({"landlock=ro:/", "no-new-privileges", "landlock:rw:/tmp", "landlock=scope"});
  EXPECT_EQ(spec.landlock.paths.size(), 2U);
  EXPECT_TRUE(spec.landlock.scoped);
  EXPECT_TRUE(spec.process.no_new_privileges);
  EXPECT_FALSE(merged({}).landlock.any());
  EXPECT_THROW(merged({"landlock"}), UsageError);
}

// Who may write packets by hand needs no port.
TEST(LandlockFlags, ForTcpTakeRawSocketsAwayUnlessTheyAreAskedFor) {
  const std::string raw = "CAP_NET_RAW";
  EXPECT_THAT(merged({}).process.capabilities, Contains(raw));
  EXPECT_THAT(merged({"landlock=ro:/", "landlock=scope"}).process.capabilities, Contains(raw));
  EXPECT_THAT(merged({"landlock=connect:443"}).process.capabilities, Not(Contains(raw)));
  EXPECT_THAT(merged({"landlock=bind:80"}).process.capabilities, Not(Contains(raw)));
  EXPECT_THAT(merged({"landlock=connect:443"}, {"net_raw"}).process.capabilities, Contains(raw));
  EXPECT_THAT(merged({"landlock=connect:443"}, {"ALL"}).process.capabilities, Contains(raw));
}

} // namespace
} // namespace layerbox
