#include "runner/compile.hpp"

#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/seccomp_bpf.hpp"
#include "runner/capabilities.hpp"
#include "runner/resource_limits.hpp"
#include "runner/seccomp_profile.hpp"
#include "runner/tcp_guard.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kShortIdChars = 12;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

void require_no_nul(const std::string& value, std::string_view what) {
  if (value.find('\0') != std::string::npos)
    refuse(fmt::format("{} '{}' has a NUL", what, printable(value)));
}

void add(Plan& plan, Act act) {
  plan.steps.push_back({.act = act});
}

std::string hostname_of(const RunSpec& spec) {
  const std::string name =
      spec.hostname.empty() ? spec.container_id.substr(0, kShortIdChars) : spec.hostname;
  require_no_nul(name, "host name");
  if (name.size() > kMaxHostnameBytes)
    throw Error(ErrorKind::limit_exceeded, fmt::format("host name '{}' is longer than {} bytes",
                                                       printable(name), kMaxHostnameBytes));
  return name;
}

// What a K=V list says about `key`; null when it says nothing. The last one wins, as in a shell.
const std::string* find_env(const std::vector<std::string>& env, std::string_view key) {
  const std::string* found = nullptr;
  for (const std::string& word : env)
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') found = &word;
  return found;
}

} // namespace

void set_process(Plan& plan, const ProcessSpec& process) {
  if (process.args.empty()) refuse("there is no command to run");
  for (const std::string& word : process.args)
    require_no_nul(word, "argument");
  for (const std::string& word : process.env) {
    require_no_nul(word, "environment variable");
    if (word.find('=') == std::string::npos || word[0] == '=')
      refuse(fmt::format("environment variable '{}' is not NAME=VALUE", printable(word)));
  }
  require_no_nul(process.user.text, "user");
  if (process.user.text.size() > kMaxUserBytes)
    throw Error(ErrorKind::limit_exceeded,
                fmt::format("user '{}' is longer than {} bytes", printable(process.user.text),
                            kMaxUserBytes));
  plan.args = process.args;
  plan.env = process.env;
  plan.user = process.user.text;
  plan.needs_home = find_env(process.env, "HOME") == nullptr;
  const std::string* path = find_env(process.env, "PATH");
  plan.path = path != nullptr ? path->substr(5) : std::string(kDefaultPath);
  if (path == nullptr) plan.env.push_back("PATH=" + plan.path);
  plan.terminal = process.terminal;
  plan.interactive = process.interactive;
  if (process.listening)
    std::erase_if(plan.env,
                  [](const std::string& word) { return word.starts_with("LISTEN_PID="); });
  if (process.descriptors > kMaxPassedDescriptors)
    throw Error(ErrorKind::limit_exceeded,
                fmt::format("{} descriptors for the command are more than the limit of {}",
                            process.descriptors, kMaxPassedDescriptors));
}

namespace {

// A limit that nobody will set must not look as if it were there.
void require_placed(const RunSpec& spec) {
  if ((spec.limits.any() || !spec.cgroup_parent.empty()) && spec.cgroups.empty())
    throw Error(ErrorKind::invalid_argument, "there are limits, and no cgroup to set them in");
}

void add_cgroups(Plan& plan, const RunSpec& spec) {
  plan.cgroups = spec.cgroups;
  for (std::size_t i = 0; i < plan.cgroups.size(); ++i)
    if (plan.cgroups[i].version == CgroupVersion::v1)
      plan.steps.push_back({.act = Act::join_cgroup, .cgroup = static_cast<int>(i)});
}

void add_beginning(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  add_cgroups(plan, spec);
  add_namespaces(plan, spec, facts);
  // Root's trees are cloned by the launcher, in the host's own namespace.
  const bool follows = facts.privilege != Privilege::root && any_follows_host(spec);
  plan.steps.push_back({.act = Act::private_mounts,
                        .mount_flags = follows ? static_cast<unsigned long>(MS_SLAVE) : 0U});
  if (spec.namespaces.uts.mode == NamespaceMode::own)
    plan.steps.push_back({.act = Act::hostname, .data = hostname_of(spec)});
  if (has_own_network(spec)) add(plan, Act::loopback);
  add_clocks(plan, spec.namespaces); // not later: its file of /proc is root's after wait_go
  add(plan, Act::wait_go);
  // Only now: where clone3(2) is not to be had, it is the launcher who moves the child in.
  if (!plan.cgroups.empty() && spec.namespaces.cgroup.mode == NamespaceMode::own)
    add(plan, Act::hide_cgroups);
  if (spec.rootfs.kind == RootfsKind::fuse_overlayfs) add(plan, Act::open_fuse);
  add(plan, Act::become_root);
  if (spec.namespaces.pid.mode == NamespaceMode::host) add(plan, Act::take_proc);
  add_kernel_mounts(plan, spec, facts);
  add(plan, Act::limit_caps);
  add(plan, Act::default_signals);
}

SeccompArch require_arch(const char* way_out) {
  if (const std::optional<SeccompArch> arch = own_seccomp_arch()) return *arch;
  Error error(ErrorKind::unsupported, "this machine's system calls are not in the seccomp tables");
  error.set_hint(way_out);
  throw error;
}

Step seccomp_step(const SeccompPolicy& policy, std::uint32_t flags) {
  const std::vector<sock_filter> program = seccomp_program(policy);
  std::string bytes(program.size() * sizeof(sock_filter), '\0');
  std::memcpy(bytes.data(), program.data(), bytes.size());
  return {.act = Act::seccomp, .mount_flags = flags, .data = std::move(bytes)};
}

// The container's filter, and before it what Landlock's rules for TCP need beside them.
std::vector<Step> seccomp_steps(const RunSpec& spec, std::uint64_t capabilities) {
  std::vector<Step> steps;
  if (spec.landlock.holds_tcp())
    steps.push_back(seccomp_step(
        tcp_guard_policy(require_arch("rules for TCP ports are not to be had here")), 0));
  if (spec.seccomp.mode == SeccompMode::standard)
    steps.push_back(
        seccomp_step(default_seccomp_policy(
                         require_arch("'--security-opt seccomp=unconfined' runs without a filter"),
                         capabilities),
                     0));
  if (spec.seccomp.mode == SeccompMode::given)
    steps.push_back(seccomp_step(spec.seccomp.policy, spec.seccomp.policy.filter_flags));
  return steps;
}

void add_limits(Plan& plan, const ProcessSpec& process) {
  std::vector<ResourceLimit> limits = process.limits;
  const ResourceLimit files = default_open_files();
  if (std::none_of(limits.begin(), limits.end(),
                   [&](const ResourceLimit& limit) { return limit.resource == files.resource; }))
    limits.push_back(files);
  for (const ResourceLimit& limit : limits) {
    if (limit.soft > limit.hard) refuse("a resource limit's soft value is above its hard one");
    std::string bytes(sizeof limit, '\0');
    std::memcpy(bytes.data(), &limit, sizeof limit);
    plan.steps.push_back({.act = Act::limit, .data = std::move(bytes)});
  }
}

void add_process(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  add(plan, Act::pivot);
  add(plan, Act::enter_workdir);
  add_user(plan, spec);
  add(plan, Act::follow_parent);
  if (spec.process.init) add(plan, Act::fork_init);
  add(plan, Act::session);
  if (spec.process.listening) add(plan, Act::tell_pid);
  add_command(plan, spec, facts);
}

} // namespace

void add_user(Plan& plan, const RunSpec& spec) {
  const bool needs_admin = spec.seccomp.mode != SeccompMode::unconfined || spec.landlock.any();
  plan.steps.push_back({.act = Act::become_user, .flags = needs_admin ? kKeepAdmin : 0U});
  add(plan, Act::stdio);
}

void add_command(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  plan.steps.push_back({.act = Act::settle, .count = spec.process.descriptors});
  add(plan, Act::find_command);
  add_landlock(plan, spec, facts);
  add_limits(plan, spec.process);
  if (spec.process.no_new_privileges) add(plan, Act::no_new_privileges);
  std::vector<Step> filters = seccomp_steps(spec, plan.capabilities);
  std::move(filters.begin(), filters.end(), std::back_inserter(plan.steps));
  add(plan, Act::exec);
}

std::string clean_absolute_path(const std::string& path, std::string_view purpose) {
  require_no_nul(path, purpose);
  if (path.empty() || path[0] != '/')
    refuse(fmt::format("{} '{}' is not an absolute path", purpose, printable(path)));
  std::string clean;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = std::string_view(path).substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..")
      clean.erase(std::min(clean.rfind('/'), clean.size()));
    else
      clean.append("/").append(part);
  }
  if (clean.size() > RelPath::kMaxBytes)
    throw Error(ErrorKind::limit_exceeded, fmt::format("{} is longer than a path can be", purpose));
  return clean.empty() ? "/" : clean;
}

Plan compile_beginning(const RunSpec& spec, const HostFacts& facts) {
  constexpr std::size_t kUsualSteps = 96; // more only grow
  Plan plan;
  plan.steps.reserve(kUsualSteps);
  plan.id_map = spec.id_map;
  plan.may_setgroups = facts.setgroups.available;
  if (spec.id_map.uids.empty() || spec.id_map.gids.empty())
    refuse("the id map gives the container no id");
  plan.capabilities = capability_mask(spec.process.capabilities);
  require_placed(spec);
  add_beginning(plan, spec, facts);
  return plan;
}

Plan compile(const RunSpec& spec, const HostFacts& facts) {
  Plan plan = compile_beginning(spec, facts);
  set_process(plan, spec.process);
  plan.oom_score_adj = spec.process.oom_score_adj;

  add_rootfs(plan, spec, facts);
  place_kernel_mounts(plan, spec);
  add_user_mounts(plan, spec, facts);
  add_hidden_paths(plan, spec, HiddenIn::rootfs);
  const std::string workdir = clean_absolute_path(spec.process.cwd, "working directory");
  plan.steps.push_back({.act = Act::workdir, .target = workdir.substr(1)});
  if (spec.read_only_rootfs) add(plan, Act::root_read_only);
  add_process(plan, spec, facts);
  return plan;
}

} // namespace layerbox
