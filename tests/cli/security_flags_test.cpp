// --security-opt, --privileged, --ulimit and --oom-score-adj, as words and as walls.
#include "cli/security_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/resource.h>

#include "cli/capability_flags.hpp"
#include "cli/error_report.hpp"
#include "cli/merge_config.hpp"

namespace layerbox {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

RunSpec merged(SecurityFlags security, const std::optional<SeccompFile>& file = {},
               std::vector<std::string> cap_drop = {}) {
  RunFlags flags;
  flags.operands = {"image", "sh"};
  flags.security = std::move(security);
  flags.cap_drop = std::move(cap_drop);
  Surroundings around;
  around.container_id = std::string(64, 'a');
  around.working_directory = "/";
  around.variable = [](const std::string&) { return std::nullopt; };
  around.seccomp_file = file;
  return merge_config({}, flags, around);
}

SecurityFlags with(std::vector<std::string> options) {
  SecurityFlags flags;
  flags.options = std::move(options);
  return flags;
}

TEST(SecurityFlags, WithoutOptionsAllWallsStand) {
  const RunSpec spec = merged({});
  EXPECT_EQ(spec.seccomp.mode, SeccompMode::standard);
  EXPECT_FALSE(spec.process.no_new_privileges);
  EXPECT_EQ(spec.masked_paths, default_masked_paths());
  EXPECT_EQ(spec.read_only_paths, default_read_only_paths());
  EXPECT_TRUE(spec.process.limits.empty());
  EXPECT_FALSE(spec.host_devices);
}

TEST(SecurityFlags, ReadsSeccompModes) {
  EXPECT_EQ(merged(with({"seccomp=unconfined"})).seccomp.mode, SeccompMode::unconfined);
  EXPECT_EQ(merged(with({"seccomp:unconfined"})).seccomp.mode, SeccompMode::unconfined);
  EXPECT_EQ(merged(with({"seccomp=unconfined", "seccomp=builtin"})).seccomp.mode,
            SeccompMode::standard);
  EXPECT_EQ(seccomp_file_name(with({"seccomp=/etc/p.json"})), "/etc/p.json");
  EXPECT_EQ(seccomp_file_name(with({"seccomp=a:b.json"})), "a:b.json");
  EXPECT_EQ(seccomp_file_name(with({"seccomp=/p", "seccomp=unconfined"})), std::nullopt);
  EXPECT_THROW(merged(with({"seccomp="})), UsageError);
}

TEST(SecurityFlags, ReadsAProfileWithTheContainersCapabilities) {
  const SeccompFile file{"p.json", R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["chown"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_CHOWN"]}}]})"};
  const RunSpec spec = merged(with({"seccomp=p.json"}), file);
  EXPECT_EQ(spec.seccomp.mode, SeccompMode::given);
  EXPECT_EQ(spec.seccomp.policy.rules.size(), 1U);
  EXPECT_TRUE(merged(with({"seccomp=p.json"}), file, {"CHOWN"}).seccomp.policy.rules.empty());
}

TEST(SecurityFlags, ReadsNoNewPrivileges) {
  EXPECT_TRUE(merged(with({"no-new-privileges"})).process.no_new_privileges);
  EXPECT_TRUE(merged(with({"no-new-privileges=true"})).process.no_new_privileges);
  EXPECT_TRUE(merged(with({"no-new-privileges:true"})).process.no_new_privileges);
  EXPECT_FALSE(merged(with({"no-new-privileges:false"})).process.no_new_privileges);
  EXPECT_THROW(merged(with({"no-new-privileges=maybe"})), UsageError);
}

TEST(SecurityFlags, UnmasksAndMasks) {
  RunSpec spec = merged(with({"unmask=/proc/acpi:/proc/sys"}));
  EXPECT_THAT(spec.masked_paths, Not(Contains("/proc/acpi")));
  EXPECT_THAT(spec.masked_paths, Contains("/proc/kcore"));
  EXPECT_THAT(spec.read_only_paths, Not(Contains("/proc/sys")));
  spec = merged(with({"unmask=/proc/timer*"}));
  EXPECT_THAT(spec.masked_paths, Not(Contains("/proc/timer_list")));
  spec = merged(with({"unmask=ALL", "mask=/etc/shadow:/srv"}));
  EXPECT_THAT(spec.masked_paths, ::testing::ElementsAre("/etc/shadow", "/srv"));
  EXPECT_TRUE(spec.read_only_paths.empty());
  EXPECT_THROW(merged(with({"unmask=proc"})), UsageError);
  EXPECT_THROW(merged(with({"mask="})), UsageError);
}

TEST(SecurityFlags, RefusesOptionsThatItDoesNotHave) {
  EXPECT_THROW(merged(with({"apparmor=docker-default"})), UsageError);
  EXPECT_THROW(merged(with({"label=type:x"})), UsageError);
  EXPECT_NO_THROW(merged(with({"label=disable", "apparmor=unconfined"})));
  try {
    merged(with({"secomp=unconfined"}));
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("seccomp"));
  }
}

TEST(SecurityFlags, PrivilegedTakesTheWallsDown) {
  SecurityFlags flags;
  flags.privileged = true;
  RunSpec spec = merged(flags);
  EXPECT_EQ(spec.process.capabilities, all_capabilities());
  EXPECT_EQ(spec.seccomp.mode, SeccompMode::unconfined);
  EXPECT_TRUE(spec.masked_paths.empty());
  EXPECT_TRUE(spec.read_only_paths.empty());
  EXPECT_TRUE(spec.host_devices);
  EXPECT_TRUE(spec.writable_kernel_trees);
  flags.options = {"seccomp=builtin", "mask=/proc/kcore"};
  spec = merged(flags, {}, {"SYS_ADMIN"});
  EXPECT_EQ(spec.seccomp.mode, SeccompMode::standard);
  EXPECT_THAT(spec.masked_paths, ::testing::ElementsAre("/proc/kcore"));
  EXPECT_THAT(spec.process.capabilities, Not(Contains("CAP_SYS_ADMIN")));
}

TEST(ParseUlimit, ReadsSoftAndHard) {
  EXPECT_EQ(parse_ulimit("nofile=1024:4096"), (ResourceLimit{RLIMIT_NOFILE, 0, 1024, 4096}));
  EXPECT_EQ(parse_ulimit("core=0"), (ResourceLimit{RLIMIT_CORE, 0, 0, 0}));
  EXPECT_EQ(parse_ulimit("memlock=-1"), (ResourceLimit{RLIMIT_MEMLOCK, 0, kUnlimited, kUnlimited}));
  EXPECT_EQ(parse_ulimit("RLIMIT_NPROC=5:unlimited"),
            (ResourceLimit{RLIMIT_NPROC, 0, 5, kUnlimited}));
}

TEST(ParseUlimit, RefusesWhatIsNone) {
  for (const char* text : {"nofile", "nofile=", "nofile=x", "nofile=5:", "nofile=5:4", "files=3",
                           "=3", "nofile=-2", "nofile=1:2:3", "nofile=99999999999999999999"})
    EXPECT_THROW(parse_ulimit(text), UsageError) << text;
}

TEST(SecurityFlags, TheLastUlimitOfAKindCounts) {
  SecurityFlags flags;
  flags.ulimits = {"nofile=1", "core=3", "nofile=2"};
  EXPECT_THAT(merged(flags).process.limits,
              ::testing::ElementsAre(ResourceLimit{RLIMIT_CORE, 0, 3, 3},
                                     ResourceLimit{RLIMIT_NOFILE, 0, 2, 2}));
}

TEST(SecurityFlags, ReadsTheOomScore) {
  SecurityFlags flags;
  flags.oom_score_adj = "-500";
  EXPECT_EQ(merged(flags).process.oom_score_adj, -500);
  for (const char* text : {"", "x", "1001", "-1001", "5 "}) {
    flags.oom_score_adj = text;
    EXPECT_THROW(merged(flags), UsageError) << text;
  }
}

} // namespace
} // namespace layerbox
