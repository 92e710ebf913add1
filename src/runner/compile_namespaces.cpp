// The namespaces of a plan.
#include <fmt/format.h>
#include <sched.h>

#include <array>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

struct Kind {
  NamespaceSpec NamespaceSpecs::*spec;
  std::uint64_t flag; // CLONE_NEW*
};

// The user namespace stands for itself: it is entered between the foreign ones and the others.
constexpr std::array<Kind, 5> kKinds = {{{&NamespaceSpecs::network, CLONE_NEWNET},
                                         {&NamespaceSpecs::ipc, CLONE_NEWIPC},
                                         {&NamespaceSpecs::uts, CLONE_NEWUTS},
                                         {&NamespaceSpecs::cgroup, CLONE_NEWCGROUP},
                                         {&NamespaceSpecs::pid, CLONE_NEWPID}}};

void add_join(Plan& plan, const NamespaceSpec& spec, std::uint64_t flag) {
  plan.steps.push_back({.act = Act::join_namespace,
                        .fd = spec.fd,
                        .mount_flags = static_cast<unsigned long>(flag),
                        .source = spec.name});
}

bool joins(const NamespaceSpec& spec) {
  return spec.mode == NamespaceMode::join;
}

bool joins_any(const NamespaceSpecs& specs) {
  bool any = joins(specs.user);
  for (const Kind& kind : kKinds)
    any = any || joins(specs.*kind.spec);
  return any;
}

[[noreturn]] void refuse_namespace(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

void require_sense(const RunSpec& spec) {
  const NamespaceSpecs& all = spec.namespaces;
  if (all.user.mode == NamespaceMode::host) refuse_namespace("a container needs a user namespace");
  // Whoever could mount it would see all of its processes.
  if (joins(all.pid) && all.pid.foreign)
    refuse_namespace(
        fmt::format("{}: no /proc can be mounted for it, as it belongs to another user namespace",
                    printable(all.pid.name)));
  // The end of a pid namespace ends all in it; a first process that shares one ends alone.
  if (all.pid.mode != NamespaceMode::own && spec.cgroups.empty())
    refuse_namespace(
        "without a pid namespace of its own a container needs a cgroup to be ended by");
}

} // namespace

bool will_have_cgroups(const RunSpec& spec) {
  return !spec.cgroups.empty() || spec.limits.any() || !spec.cgroup_parent.empty();
}

bool has_own_network(const RunSpec& spec) {
  return spec.network != NetworkMode::host && spec.network != NetworkMode::join &&
         spec.namespaces.network.mode == NamespaceMode::own;
}

std::uint64_t own_namespaces(const RunSpec& spec) {
  const NamespaceSpecs& all = spec.namespaces;
  std::uint64_t flags = CLONE_NEWNS;
  if (!joins(all.user)) flags |= CLONE_NEWUSER;
  for (const Kind& kind : kKinds)
    if ((all.*kind.spec).mode == NamespaceMode::own) flags |= kind.flag;
  if (!has_own_network(spec)) flags &= ~std::uint64_t{CLONE_NEWNET};
  if (will_have_cgroups(spec))
    flags &= ~std::uint64_t{CLONE_NEWCGROUP}; // hide_cgroups, from within
  return flags;
}

void add_namespaces(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  require_sense(spec);
  const NamespaceSpecs& all = spec.namespaces;
  const std::uint64_t own = own_namespaces(spec);
  if (!joins_any(all)) {
    plan.namespaces = own;
    return;
  }
  for (const Kind& kind : kKinds)
    if (const NamespaceSpec& one = all.*kind.spec; joins(one) && one.foreign)
      add_join(plan, one, kind.flag);
  if (joins(all.network) && all.network.foreign) plan.steps.push_back({.act = Act::take_sys});
  if (joins(all.user)) {
    add_join(plan, all.user, CLONE_NEWUSER);
    plan.user_namespace = all.user.fd;
  }
  // Before the pid namespace is entered, in which its helper would be seen.
  if (joins(all.shm))
    plan.steps.push_back({.act = Act::take_shm, .fd = all.shm.fd, .source = all.shm.name});
  for (const Kind& kind : kKinds)
    if (const NamespaceSpec& one = all.*kind.spec; joins(one) && !one.foreign)
      add_join(plan, one, kind.flag);
  if (joins(all.pid)) plan.pid_namespace = all.pid.fd;
  plan.second_birth = true;
  // Root may look at it in any case; and who has made the user namespace that root enters, an
  // ordinary user perhaps, must not, as long as the process has what root has opened.
  const bool readable = facts.privilege != Privilege::root && !joins(all.pid);
  plan.steps.push_back({.act = Act::be_born,
                        .flags = readable ? kReadable : 0U,
                        .mount_flags = static_cast<unsigned long>(own)});
}

void add_clocks(Plan& plan, const NamespaceSpecs& specs) {
  if (!specs.time) return;
  plan.steps.push_back({.act = Act::shift_time,
                        .data = fmt::format("monotonic {} 0\nboottime {} 0\n",
                                            specs.time->monotonic, specs.time->boottime)});
}

} // namespace layerbox
