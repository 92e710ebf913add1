#include "runner/resource_limits.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {
namespace {

struct Resource {
  char name[12];
  int number;
};

constexpr std::array<Resource, 16> kResources = {{{"as", RLIMIT_AS},
                                                  {"core", RLIMIT_CORE},
                                                  {"cpu", RLIMIT_CPU},
                                                  {"data", RLIMIT_DATA},
                                                  {"fsize", RLIMIT_FSIZE},
                                                  {"locks", RLIMIT_LOCKS},
                                                  {"memlock", RLIMIT_MEMLOCK},
                                                  {"msgqueue", RLIMIT_MSGQUEUE},
                                                  {"nice", RLIMIT_NICE},
                                                  {"nofile", RLIMIT_NOFILE},
                                                  {"nproc", RLIMIT_NPROC},
                                                  {"rss", RLIMIT_RSS},
                                                  {"rtprio", RLIMIT_RTPRIO},
                                                  {"rttime", RLIMIT_RTTIME},
                                                  {"sigpending", RLIMIT_SIGPENDING},
                                                  {"stack", RLIMIT_STACK}}};

void raise_hard_limit(pid_t pid, const ResourceLimit& wanted) {
  const auto resource = static_cast<__rlimit_resource>(wanted.resource);
  struct rlimit now {};
  if (::prlimit(pid, resource, nullptr, &now) != 0) throw_errno(errno, "reading a resource limit");
  if (wanted.at_most != 0 || wanted.hard <= now.rlim_max) return;
  const struct rlimit raised = {now.rlim_cur, wanted.hard};
  if (::prlimit(pid, resource, &raised, nullptr) == 0) return;
  const int error = errno;
  Error failure(kind_of_errno(error),
                fmt::format("raising the limit '{}' to {} above {}: {}",
                            resource_name(wanted.resource),
                            wanted.hard == kUnlimited ? "unlimited" : std::to_string(wanted.hard),
                            now.rlim_max, errno_text(error)),
                error);
  if (error == EPERM)
    failure.set_hint(wanted.resource == RLIMIT_NOFILE && ::geteuid() == 0
                         ? "no process may have more open files than the sysctl fs.nr_open says"
                         : "only root may raise a hard limit; 'ulimit -H -a' shows yours");
  throw failure;
}

void write_score(pid_t pid, int score) {
  const std::string path = fmt::format("/proc/{}/oom_score_adj", pid);
  const std::string text = std::to_string(score);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    return;
  const int error = errno;
  Error failure(kind_of_errno(error),
                fmt::format("setting the OOM score adjustment {}: {}", score, errno_text(error)),
                error);
  if (error == EACCES || error == EPERM)
    failure.set_hint("only root may set it lower than the caller's own");
  throw failure;
}

} // namespace

std::optional<int> resource_number(std::string_view name) {
  constexpr std::string_view kPrefix = "RLIMIT_";
  std::string lower(name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name);
  if (lower.size() != name.size())
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const Resource& known : kResources)
    if (lower == known.name) return known.number;
  return std::nullopt;
}

std::string resource_name(int resource) {
  for (const Resource& known : kResources)
    if (known.number == resource) return known.name;
  return std::to_string(resource);
}

std::vector<std::string> resource_names() {
  std::vector<std::string> names;
  for (const Resource& known : kResources)
    names.emplace_back(known.name);
  return names;
}

ResourceLimit default_open_files() {
  return {RLIMIT_NOFILE, 1, 1024, 524288};
}

void prepare_limits(pid_t pid, const Plan& plan) {
  for (const Step& step : plan.steps) {
    if (step.act != Act::limit) continue;
    ResourceLimit limit;
    std::memcpy(&limit, step.data.data(), sizeof limit);
    raise_hard_limit(pid, limit);
  }
  if (plan.oom_score_adj) write_score(pid, *plan.oom_score_adj);
}

} // namespace layerbox
