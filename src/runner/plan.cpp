#include "runner/plan.hpp"

#include <fmt/format.h>
#include <linux/filter.h>

#include <algorithm>
#include <cstring>

#include "base/landlock_abi.hpp"
#include "base/rel_path.hpp"
#include "runner/cgroup_files.hpp"
#include "runner/plan_words.hpp"

namespace layerbox {
namespace {

void add_word(std::string& line, std::string_view key, const std::string& value) {
  if (!value.empty()) line += fmt::format(" {}={}", key, printable(value));
}

std::string limit_text(const std::string& data) {
  ResourceLimit limit;
  std::memcpy(&limit, data.data(), sizeof limit);
  return fmt::format(" resource={} soft={} hard={}{}", limit.resource, limit.soft, limit.hard,
                     limit.at_most != 0 ? " at_most" : "");
}

std::string landlock_text(const std::string& data) {
  LandlockRuleset held;
  std::memcpy(&held, data.data(), sizeof held);
  return fmt::format(" files={:#x} tcp={:#x} scopes={:#x}", held.files, held.tcp, held.scopes);
}

std::string step_text(const Step& step) {
  std::string line(act_name(step.act));
  add_word(line, "target", step.target);
  add_word(line, "source", step.source);
  if (step.act == Act::seccomp)
    line += fmt::format(" instructions={}", step.data.size() / sizeof(struct sock_filter));
  else if (step.act == Act::limit)
    line += limit_text(step.data);
  else if (step.act == Act::landlock_rules)
    line += landlock_text(step.data);
  else if (step.act != Act::scratch_file && step.act != Act::landlock_port)
    add_word(line, "data", step.data);
  if (step.clone != kNoClone) line += fmt::format(" clone={}", step.clone);
  if (step.other_clone != kNoClone) line += fmt::format(" other_clone={}", step.other_clone);
  if (step.cgroup != kNoCgroup) line += fmt::format(" cgroup={}", step.cgroup);
  const bool makes = step.act == Act::join_namespace || step.act == Act::be_born;
  if (step.mount_flags != 0)
    line += fmt::format(" {}={:#x}",
                        makes                            ? "namespaces"
                        : step.act == Act::landlock_path ? "files"
                                                         : "mount_flags",
                        step.mount_flags);
  for (const std::string& word : step_flag_words(step.flags))
    line.append(" ").append(word);
  if (step.count != 0) line += fmt::format(" count={}", step.count);
  for (const std::string& word : step.list)
    line.append(" ").append(printable(word));
  return line;
}

std::string_view read_only_text(const CloneSource& clone) {
  if (!clone.read_only) return "";
  return clone.submounts_writable ? " read_only_top" : " read_only";
}

std::string_view propagation_text(Propagation propagation) {
  switch (propagation) {
  case Propagation::none:
    return "";
  case Propagation::from_host:
    return " slave";
  case Propagation::both_ways:
    return " shared";
  }
  return "";
}

std::string node_words(const std::vector<std::string>& nodes) {
  std::string words;
  for (const std::string& node : nodes)
    words += " node=" + printable(node);
  return words;
}

std::string cgroup_text(std::size_t index, const CgroupDir& dir) {
  std::string line =
      fmt::format("cgroup {} {} {}", index, dir.version == CgroupVersion::v2 ? "v2" : "v1",
                  printable(dir.path()));
  for (const std::string& controller : dir.enable)
    line += " +" + printable(controller);
  for (const CgroupWrite& write : dir.writes)
    line += fmt::format(" {}={}", write.file, printable(write.text));
  for (const DeviceRule& rule : dir.devices)
    line += fmt::format(" {}={}", rule.allow ? "allow" : "deny", device_rule_text(rule));
  return line + '\n';
}

} // namespace

bool has_step(const Plan& plan, Act act) {
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [&](const Step& step) { return step.act == act; });
}

std::string_view act_name(Act act) {
  switch (act) {
  case Act::private_mounts:
    return "private_mounts";
  case Act::oom_score:
    return "oom_score";
  case Act::join_cgroup:
    return "join_cgroup";
  case Act::join_namespace:
    return "join_namespace";
  case Act::take_sys:
    return "take_sys";
  case Act::take_shm:
    return "take_shm";
  case Act::be_born:
    return "be_born";
  case Act::shift_time:
    return "shift_time";
  case Act::take_proc:
    return "take_proc";
  case Act::hide_cgroups:
    return "hide_cgroups";
  case Act::hostname:
    return "hostname";
  case Act::loopback:
    return "loopback";
  case Act::wait_go:
    return "wait_go";
  case Act::become_root:
    return "become_root";
  case Act::scratch:
    return "scratch";
  case Act::place:
    return "place";
  case Act::hang:
    return "hang";
  case Act::attach_clone:
    return "attach_clone";
  case Act::clone_tree:
    return "clone_tree";
  case Act::mount_below:
    return "mount_below";
  case Act::writable_part:
    return "writable_part";
  case Act::overlay:
    return "overlay";
  case Act::open_fuse:
    return "open_fuse";
  case Act::fuse_overlay:
    return "fuse_overlay";
  case Act::mount_fs:
    return "mount_fs";
  case Act::mount_sys:
    return "mount_sys";
  case Act::enter:
    return "enter";
  case Act::leave:
    return "leave";
  case Act::device:
    return "device";
  case Act::symlink:
    return "symlink";
  case Act::mount_here:
    return "mount_here";
  case Act::host_tree:
    return "host_tree";
  case Act::terminal:
    return "terminal";
  case Act::notify_socket:
    return "notify_socket";
  case Act::bind:
    return "bind";
  case Act::tmpfs:
    return "tmpfs";
  case Act::overlay_volume:
    return "overlay_volume";
  case Act::device_node:
    return "device_node";
  case Act::scratch_file:
    return "scratch_file";
  case Act::provide:
    return "provide";
  case Act::mask:
    return "mask";
  case Act::read_only:
    return "read_only";
  case Act::workdir:
    return "workdir";
  case Act::root_read_only:
    return "root_read_only";
  case Act::pivot:
    return "pivot";
  case Act::enter_workdir:
    return "enter_workdir";
  case Act::open_terminal:
    return "open_terminal";
  case Act::limit_caps:
    return "limit_caps";
  case Act::become_user:
    return "become_user";
  case Act::stdio:
    return "stdio";
  case Act::follow_parent:
    return "follow_parent";
  case Act::fork_init:
    return "fork_init";
  case Act::session:
    return "session";
  case Act::tell_pid:
    return "tell_pid";
  case Act::default_signals:
    return "default_signals";
  case Act::settle:
    return "settle";
  case Act::find_command:
    return "find_command";
  case Act::landlock_rules:
    return "landlock_rules";
  case Act::landlock_path:
    return "landlock_path";
  case Act::landlock_port:
    return "landlock_port";
  case Act::landlock:
    return "landlock";
  case Act::limit:
    return "limit";
  case Act::no_new_privileges:
    return "no_new_privileges";
  case Act::seccomp:
    return "seccomp";
  case Act::exec:
    return "exec";
  }
  return "?";
}

std::string plan_text(const Plan& plan) {
  std::string text;
  for (std::size_t i = 0; i < plan.cgroups.size(); ++i)
    text += cgroup_text(i, plan.cgroups[i]);
  for (std::size_t i = 0; i < plan.clones.size(); ++i) {
    const CloneSource& clone = plan.clones[i];
    text += fmt::format("clone {} {}{}{}{}{}{}\n", i, printable(clone.path),
                        clone.recursive ? " recursive" : "", clone.idmap ? " idmap" : "",
                        read_only_text(clone), clone.no_devices ? " nodev" : "",
                        propagation_text(clone.propagation));
    if (!clone.nodes.empty()) text.insert(text.size() - 1, node_words(clone.nodes));
  }
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    text += fmt::format("{:3} {}\n", i, step_text(plan.steps[i]));
  return text;
}

} // namespace layerbox
