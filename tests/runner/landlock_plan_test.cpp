// What becomes of Landlock rules in a plan, and which of them a kernel must be able to hold.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/landlock_abi.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

using ::testing::HasSubstr;

RunSpec spec_with(LandlockSpec rules) {
  RunSpec spec;
  spec.container_id = std::string(64, 'c');
  spec.rootfs.anchor = "/srv/rootfs";
  spec.process.args = {"/bin/true"};
  spec.id_map = IdMap::shifted(100000, 65536);
  spec.landlock = std::move(rules);
  return spec;
}

HostFacts facts_with(int version) {
  HostFacts facts;
  facts.landlock.version = version;
  return facts;
}

LandlockSpec files(std::uint8_t access = kLandlockRead, std::string path = "/srv") {
  LandlockSpec rules;
  rules.paths = {{access, std::move(path)}};
  return rules;
}

std::vector<Step> steps_of(const Plan& plan, Act act) {
  std::vector<Step> found;
  std::copy_if(plan.steps.begin(), plan.steps.end(), std::back_inserter(found),
               [&](const Step& step) { return step.act == act; });
  return found;
}

LandlockRuleset held_in(const Plan& plan) {
  LandlockRuleset held;
  std::memcpy(&held, steps_of(plan, Act::landlock_rules).at(0).data.data(), sizeof held);
  return held;
}

std::string refusal(const RunSpec& spec, const HostFacts& facts) {
  try {
    compile(spec, facts);
  } catch (const Error& error) {
    return std::string(error.what()) + "; " + error.hint();
  }
  return "";
}

TEST(LandlockPlan, IsEmptyWithoutRules) {
  const Plan plan = compile(spec_with({}), {});
  for (const Act act : {Act::landlock_rules, Act::landlock_path, Act::landlock_port, Act::landlock})
    EXPECT_TRUE(steps_of(plan, act).empty());
}

TEST(LandlockPlan, HoldsAllThatAVersionKnowsOfFilesWhenThereIsARuleForOne) {
  EXPECT_EQ(held_in(compile(spec_with(files()), facts_with(3))).files, 0x7fffU);
  EXPECT_EQ(held_in(compile(spec_with(files()), facts_with(4))).files, 0x7fffU);
  EXPECT_EQ(held_in(compile(spec_with(files()), facts_with(5))).files, 0xffffU);
  EXPECT_EQ(held_in(compile(spec_with(files()), facts_with(99))).files, 0xffffU);
  const LandlockRuleset held = held_in(compile(spec_with(files()), facts_with(7)));
  EXPECT_EQ(held.tcp, 0U);
  EXPECT_EQ(held.scopes, 0U);
}

TEST(LandlockPlan, GivesAPathWhatItsLettersSay) {
  const auto rights = [](std::uint8_t access) {
    return steps_of(compile(spec_with(files(access)), facts_with(7)), Act::landlock_path)
        .at(0)
        .mount_flags;
  };
  EXPECT_EQ(rights(kLandlockRead), kLandlockFsReadFile | kLandlockFsReadDir);
  EXPECT_EQ(rights(kLandlockExecute), kLandlockFsExecute);
  EXPECT_EQ(rights(kLandlockWrite) & (kLandlockFsReadFile | kLandlockFsReadDir), 0U);
  EXPECT_EQ(rights(kLandlockRead | kLandlockWrite | kLandlockExecute), 0xffffU);
}

TEST(LandlockPlan, MakesPathsCleanAndRefusesOthers) {
  const Plan plan = compile(spec_with(files(kLandlockRead, "//a/./b/../c/")), facts_with(7));
  EXPECT_EQ(steps_of(plan, Act::landlock_path).at(0).target, "a/c");
  EXPECT_THAT(refusal(spec_with(files(kLandlockRead, "a")), facts_with(7)),
              HasSubstr("the path of a Landlock rule 'a' is not an absolute path"));
}

TEST(LandlockPlan, HoldsEachKindOfPortByItself) {
  LandlockSpec rules;
  rules.connect_ports = {80, 443};
  Plan plan = compile(spec_with(rules), facts_with(4));
  EXPECT_EQ(held_in(plan).tcp, kLandlockConnectTcp);
  EXPECT_EQ(held_in(plan).files, 0U);
  ASSERT_EQ(steps_of(plan, Act::landlock_port).size(), 2U);
  LandlockPort port;
  std::memcpy(&port, steps_of(plan, Act::landlock_port)[1].data.data(), sizeof port);
  EXPECT_EQ(port.port, 443U);
  EXPECT_EQ(port.access, kLandlockConnectTcp);
  EXPECT_EQ(steps_of(plan, Act::seccomp).size(), 2U) << "the guard, and the container's own";
  rules = {};
  rules.bind_ports = {0};
  EXPECT_EQ(held_in(compile(spec_with(rules), facts_with(4))).tcp, kLandlockBindTcp);
}

TEST(LandlockPlan, ComesAfterTheUserAndBeforeLimitsAndFilters) {
  LandlockSpec rules = files();
  rules.bind_ports = {80};
  const Plan plan = compile(spec_with(rules), facts_with(7));
  std::vector<Act> order;
  for (const Step& step : plan.steps)
    if (order.empty() || order.back() != step.act) order.push_back(step.act);
  const auto tail = std::find(order.begin(), order.end(), Act::become_user);
  EXPECT_EQ(
      std::vector<Act>(tail, order.end()),
      (std::vector<Act>{Act::become_user, Act::stdio, Act::follow_parent, Act::session, Act::settle,
                        Act::find_command, Act::landlock_rules, Act::landlock_path,
                        Act::landlock_port, Act::landlock, Act::limit, Act::seccomp, Act::exec}));
}

TEST(LandlockPlan, KeepsTheCapabilityThatItTakesAlsoWithoutAFilter) {
  RunSpec spec = spec_with(files());
  spec.seccomp.mode = SeccompMode::unconfined;
  EXPECT_EQ(steps_of(compile(spec, facts_with(7)), Act::become_user).at(0).flags, kKeepAdmin);
  spec.landlock = {};
  EXPECT_EQ(steps_of(compile(spec, facts_with(7)), Act::become_user).at(0).flags, 0U);
}

TEST(LandlockPlan, RefusesWhatAKernelCannotHold) {
  HostFacts none;
  none.landlock.reason = "this kernel has none";
  EXPECT_THAT(refusal(spec_with(files()), none), HasSubstr("this kernel has none; without"));
  HostFacts off;
  off.landlock = {0, true, "it is switched off"};
  EXPECT_THAT(refusal(spec_with(files()), off), HasSubstr("'lsm='"));
  EXPECT_THAT(refusal(spec_with(files()), facts_with(2)), HasSubstr("version 3"));
  RunSpec spec = spec_with(files());
  spec.devices = {{"/dev/fuse", "/dev/fuse"}};
  EXPECT_THAT(refusal(spec, facts_with(4)), HasSubstr("version 5"));
  EXPECT_EQ(refusal(spec, facts_with(5)), "");
  spec.devices.clear();
  spec.host_devices = true;
  EXPECT_THAT(refusal(spec, facts_with(4)), HasSubstr("version 5"));
}

TEST(LandlockPlan, HasALimit) {
  LandlockSpec rules;
  for (std::uint16_t port = 1; port <= kMaxLandlockRules; ++port)
    rules.connect_ports.push_back(port);
  EXPECT_EQ(refusal(spec_with(rules), facts_with(7)), "");
  rules.bind_ports.push_back(1);
  EXPECT_THAT(refusal(spec_with(rules), facts_with(7)), HasSubstr("512"));
}

TEST(LandlockPlan, IsReadable) {
  LandlockSpec rules = files(kLandlockRead | kLandlockExecute);
  rules.connect_ports = {443};
  const std::string text = plan_text(compile(spec_with(rules), facts_with(7)));
  EXPECT_THAT(text, HasSubstr("landlock_rules files=0xffff tcp=0x2 scopes=0x0\n"));
  EXPECT_THAT(text, HasSubstr("landlock_path target=srv source=ro files=0xd\n"));
  EXPECT_THAT(text, HasSubstr("landlock_port source=connect:443\n"));
}

} // namespace
} // namespace layerbox
