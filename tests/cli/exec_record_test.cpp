// What `exec` must know of a container comes back as it was written, or not at all.
#include "cli/exec_record.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace layerbox {
namespace {

ContainerState recorded_state() {
  ContainerState state;
  state.pid = 4711;
  state.pid_start_time = 99;
  return state;
}

RunSpec recorded_spec() {
  RunSpec spec;
  spec.process.user.text = "alice:wheel";
  spec.process.cwd = "/srv/a=b";
  spec.process.env = {"EMPTY=", "EQUALS=a=b", "LINES=a\nb", "BYTES=\xff\x01"};
  spec.process.capabilities = {"CAP_CHOWN", "CAP_KILL"};
  spec.process.no_new_privileges = true;
  spec.process.oom_score_adj = -7;
  spec.process.limits = {{7, 1, 1024, kUnlimited}};
  spec.seccomp.mode = SeccompMode::given;
  spec.seccomp.policy.default_action = 0x7fff0000;
  spec.seccomp.policy.filter_flags = 2;
  spec.seccomp.policy.add(83, 0x50021, {1, SeccompCompare::at_least, 0xffffffff, 5});
  spec.seccomp.policy.add(258, 0x50021);
  spec.landlock.paths = {{5, "/with space"}, {2, "/tmp"}};
  spec.landlock.connect_ports = {443};
  spec.landlock.bind_ports = {0, 80};
  spec.landlock.scoped = true;
  spec.devices.push_back({"/dev/fuse", "/dev/fuse", "rw"});
  return spec;
}

TEST(ExecRecord, ComesBackAsItWasWritten) {
  const RunSpec wrote = recorded_spec();
  const auto read = parse_exec_record(exec_record_text(wrote, recorded_state()), recorded_state());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->process.user.text, wrote.process.user.text);
  EXPECT_EQ(read->process.cwd, wrote.process.cwd);
  EXPECT_EQ(read->process.env, wrote.process.env);
  EXPECT_EQ(read->process.capabilities, wrote.process.capabilities);
  EXPECT_TRUE(read->process.no_new_privileges);
  EXPECT_EQ(read->process.oom_score_adj, wrote.process.oom_score_adj);
  EXPECT_EQ(read->process.limits, wrote.process.limits);
  EXPECT_EQ(read->seccomp.mode, wrote.seccomp.mode);
  EXPECT_EQ(read->seccomp.policy, wrote.seccomp.policy);
  EXPECT_EQ(read->landlock, wrote.landlock);
  EXPECT_TRUE(read->host_devices); // all that Landlock asks of devices
}

TEST(ExecRecord, IsNotThereUntilItIsWhole) {
  const std::string text = exec_record_text(recorded_spec(), recorded_state());
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(parse_exec_record(text.substr(0, length), recorded_state())) << length;
}

TEST(ExecRecord, IsOfNoOtherProcess) {
  const std::string text = exec_record_text(recorded_spec(), recorded_state());
  ContainerState later = recorded_state();
  later.pid_start_time = 100;
  EXPECT_FALSE(parse_exec_record(text, later));
}

TEST(ExecRecord, WithAWordThatNobodyKnowsIsDamaged) {
  std::string text = exec_record_text(RunSpec{}, recorded_state());
  text.insert(text.size() - 4, std::string("wall=1\0", 7));
  EXPECT_THROW((void)parse_exec_record(text, recorded_state()), Error);
}

} // namespace
} // namespace layerbox
