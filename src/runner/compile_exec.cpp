// The plan of one more command in a container that runs.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "runner/capabilities.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

// In the order in which they are entered: with the launcher's rights what is not the container's,
// then its user namespace, then what belongs to that.
int rank_of(const EnteredNamespace& one) {
  if (one.foreign) return 0;
  return one.kind == CLONE_NEWUSER ? 1 : 2;
}

void add_entering(Plan& plan, const ExecSpec& spec) {
  for (int rank = 0; rank <= 2; ++rank)
    for (const EnteredNamespace& one : spec.namespaces) {
      if (rank_of(one) != rank) continue;
      plan.steps.push_back({.act = Act::join_namespace,
                            .fd = one.fd.get(),
                            .mount_flags = static_cast<unsigned long>(one.kind),
                            .source = one.name});
      if (one.kind == CLONE_NEWUSER) plan.user_namespace = one.fd.get();
      if (one.kind == CLONE_NEWPID) plan.pid_namespace = one.fd.get();
    }
  const bool is_inside =
      plan.user_namespace >= 0 &&
      std::any_of(spec.namespaces.begin(), spec.namespaces.end(),
                  [](const EnteredNamespace& one) { return one.kind == CLONE_NEWNS; });
  if (!is_inside)
    throw Error(ErrorKind::invalid_argument,
                "a container is entered by its user and its mount namespace at least");
}

bool lies_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         (directory == "/" || path[directory.size()] == '/');
}

// Landlock's rules are names, which were looked up when the container started, and are looked up
// again now. Below what a rule lets be written the container may have put a link there meanwhile.
void require_steady_names(const LandlockSpec& landlock) {
  for (const LandlockPath& rule : landlock.paths)
    for (const LandlockPath& other : landlock.paths) {
      const std::string path = clean_absolute_path(rule.path, "the path of a Landlock rule");
      const std::string above = clean_absolute_path(other.path, "the path of a Landlock rule");
      if ((other.access & kLandlockWrite) == 0 || !lies_below(path, above)) continue;
      throw Error(ErrorKind::unsupported,
                  fmt::format("the Landlock rule for '{}' cannot be made again: the container may "
                              "write in '{}', and change what is called so",
                              printable(path), printable(above)));
    }
}

} // namespace

Plan compile_exec(const ExecSpec& spec, const HostFacts& facts) {
  const RunSpec& walls = spec.walls;
  Plan plan;
  plan.id_map = walls.id_map;
  plan.may_setgroups = facts.setgroups.available;
  plan.second_birth = true;
  set_process(plan, walls.process);
  plan.capabilities = capability_mask(walls.process.capabilities);
  require_steady_names(walls.landlock);
  const auto add = [&](Act act) { plan.steps.push_back({.act = act}); };

  // By the process itself: once it is in the user namespace, an ordinary user's launcher may not.
  if (walls.process.oom_score_adj)
    plan.steps.push_back(
        {.act = Act::oom_score, .data = std::to_string(*walls.process.oom_score_adj)});
  plan.cgroups = spec.cgroups;
  for (std::size_t i = 0; i < plan.cgroups.size(); ++i)
    if (plan.cgroups[i].version == CgroupVersion::v1)
      plan.steps.push_back({.act = Act::join_cgroup, .cgroup = static_cast<int>(i)});
  add_entering(plan, spec);
  add(Act::become_root);
  add(Act::follow_parent); // what comes now looks at files of the container, and could wait there
  const std::string workdir = clean_absolute_path(walls.process.cwd, "working directory");
  plan.steps.push_back({.act = Act::workdir, .flags = kExisting, .target = workdir.substr(1)});
  add(Act::enter_workdir);
  if (plan.terminal) add(Act::open_terminal);
  add(Act::limit_caps);
  add_user(plan, walls);
  add(Act::be_born);
  add(Act::wait_go);
  add(Act::follow_parent); // becoming a user, and being born, have undone it
  add(Act::session);
  add(Act::default_signals);
  add_command(plan, walls, facts);
  return plan;
}

} // namespace layerbox
