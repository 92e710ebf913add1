// What one more command in a running container does, and in which order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

UniqueFd some_fd() {
  return std::move(make_pipe().read);
}

ExecSpec exec_spec() {
  ExecSpec spec;
  spec.walls.process.args = {"/bin/true"};
  spec.walls.process.cwd = "/srv";
  spec.walls.id_map = IdMap::shifted(100000, 65536);
  spec.namespaces.push_back({CLONE_NEWPID, some_fd(), "pid", false});
  spec.namespaces.push_back({CLONE_NEWUSER, some_fd(), "user", false});
  spec.namespaces.push_back({CLONE_NEWNS, some_fd(), "mount", false});
  spec.namespaces.push_back({CLONE_NEWNET, some_fd(), "network", true});
  return spec;
}

std::vector<Act> acts_of_exec(const ExecSpec& spec) {
  std::vector<Act> acts;
  for (const Step& step : compile_exec(spec, {}).steps)
    acts.push_back(step.act);
  return acts;
}

std::string refusal_of_exec(const ExecSpec& spec) {
  try {
    (void)compile_exec(spec, {});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ExecPlan, MakesNoNamespaceAndNoMount) {
  const Plan plan = compile_exec(exec_spec(), {});
  EXPECT_EQ(plan.namespaces, 0U);
  EXPECT_TRUE(plan.second_birth);
  EXPECT_TRUE(plan.clones.empty());
  EXPECT_FALSE(has_step(plan, Act::pivot));
}

TEST(ExecPlan, EntersWhatIsForeignThenTheUserNamespaceThenTheOthersInTheirOrder) {
  const Plan plan = compile_exec(exec_spec(), {});
  std::vector<std::string> entered;
  for (const Step& step : plan.steps)
    if (step.act == Act::join_namespace) entered.push_back(step.source);
  EXPECT_THAT(entered, ElementsAre("network", "user", "pid", "mount"));
}

TEST(ExecPlan, IsBornAmongTheContainersProcessesLastAndThenLooksAtNoFileButTheCommand) {
  ExecSpec spec = exec_spec();
  spec.walls.process.terminal = true;
  const std::vector<Act> acts = acts_of_exec(spec);
  const auto born = std::find(acts.begin(), acts.end(), Act::be_born);
  const std::vector<Act> before(std::find(acts.begin(), born, Act::become_root), born);
  EXPECT_THAT(before,
              ElementsAre(Act::become_root, Act::follow_parent, Act::workdir, Act::enter_workdir,
                          Act::open_terminal, Act::limit_caps, Act::become_user, Act::stdio));
  EXPECT_THAT(std::vector<Act>(born, acts.end()),
              ElementsAre(Act::be_born, Act::wait_go, Act::follow_parent, Act::session,
                          Act::default_signals, Act::settle, Act::find_command, Act::limit,
                          Act::seccomp, Act::exec));
}

TEST(ExecPlan, EntersCgroupsFirst) {
  ExecSpec spec = exec_spec();
  spec.cgroups.push_back(
      {.version = CgroupVersion::v1, .parent = "/sys/fs/cgroup/pids", .name = "layerbox-4f"});
  spec.walls.process.oom_score_adj = 200;
  const std::vector<Act> acts = acts_of_exec(spec);
  EXPECT_THAT(std::vector<Act>(acts.begin(), acts.begin() + 3),
              ElementsAre(Act::oom_score, Act::join_cgroup, Act::join_namespace));
}

TEST(ExecPlan, HasTheFilterOfTheContainer) {
  RunSpec run;
  run.container_id = std::string(64, 'c');
  run.rootfs.anchor = "/srv/rootfs";
  run.process.args = {"/bin/true"};
  run.process.capabilities = default_capabilities();
  run.id_map = IdMap::shifted(100000, 65536);
  ExecSpec spec = exec_spec();
  spec.walls.process.capabilities = run.process.capabilities;
  const Plan of_run = compile(run, {});
  const Plan of_exec = compile_exec(spec, {});
  EXPECT_EQ(of_exec.capabilities, of_run.capabilities);
  const auto filter = [](const Plan& plan) { return plan.steps.at(plan.steps.size() - 2); };
  EXPECT_EQ(filter(of_exec).act, Act::seccomp);
  EXPECT_EQ(filter(of_exec), filter(of_run));
}

TEST(ExecPlan, NeedsTheUserAndTheMountNamespace) {
  ExecSpec spec = exec_spec();
  spec.namespaces.erase(spec.namespaces.begin() + 2);
  EXPECT_THAT(refusal_of_exec(spec), HasSubstr("mount namespace at least"));
}

TEST(ExecPlan, RefusesLandlockRulesThatTheContainerMayHaveBent) {
  ExecSpec spec = exec_spec();
  spec.walls.landlock.paths = {{kLandlockRead | kLandlockWrite, "/data"},
                               {kLandlockRead, "/data/keys"}};
  EXPECT_THAT(refusal_of_exec(spec), HasSubstr("the Landlock rule for '/data/keys'"));
  spec.walls.landlock.paths[1].path = "/database";
  EXPECT_THAT(refusal_of_exec(spec), ::testing::Not(HasSubstr("cannot be made again")));
}

} // namespace
} // namespace layerbox
