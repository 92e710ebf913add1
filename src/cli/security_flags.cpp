#include "cli/security_flags.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <charconv>

#include "cli/error_report.hpp"
#include "cli/landlock_flags.hpp"
#include "cli/nearest.hpp"
#include "cli/seccomp_file.hpp"
#include "runner/capabilities.hpp"
#include "runner/resource_limits.hpp"

namespace layerbox {
namespace {

// One --security-opt: the name, and what stands after the first '=' or ':'.
struct Word {
  std::string name;
  std::string value;
  explicit Word(const std::string& text) {
    const std::size_t at = text.find_first_of("=:");
    name = text.substr(0, at);
    if (at != std::string::npos) value = text.substr(at + 1);
  }
};

[[noreturn]] void refuse_option(const std::string& text, std::string_view why,
                                std::string hint = {}) {
  throw UsageError(fmt::format("run: --security-opt '{}': {}", text, why), std::move(hint));
}

std::vector<std::string> paths_of(const std::string& text, const std::string& list) {
  std::vector<std::string> paths;
  for (std::size_t from = 0; from <= list.size();) {
    const std::size_t end = std::min(list.find(':', from), list.size());
    paths.push_back(list.substr(from, end - from));
    if (!paths.back().starts_with('/')) refuse_option(text, "a path is not absolute");
    from = end + 1;
  }
  return paths;
}

void unmask(RunSpec& spec, const std::string& text, const std::string& list) {
  if (list == "ALL" || list == "all") {
    spec.masked_paths.clear();
    spec.read_only_paths.clear();
    return;
  }
  for (const std::string& pattern : paths_of(text, list)) {
    const auto matches = [&](const std::string& path) {
      return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
    };
    std::erase_if(spec.masked_paths, matches);
    std::erase_if(spec.read_only_paths, matches);
  }
}

bool truth(const std::string& text, const std::string& value) {
  if (value.empty() || value == "true") return true;
  if (value == "false") return false;
  refuse_option(text, "neither true nor false");
}

void apply_seccomp(RunSpec& spec, const std::string& value,
                   const std::optional<SeccompFile>& file) {
  spec.seccomp = {};
  if (value == "unconfined") spec.seccomp.mode = SeccompMode::unconfined;
  if (value == "unconfined" || value == "builtin" || !file) return;
  const std::optional<SeccompArch> arch = own_seccomp_arch();
  if (!arch)
    throw Error(
        ErrorKind::unsupported,
        "seccomp profiles cannot be read for this machine, whose calls are not in the tables");
  spec.seccomp.mode = SeccompMode::given;
  spec.seccomp.policy = parse_seccomp_file(
      file->content, file->name, {*arch, capability_mask(spec.process.capabilities), file->kernel});
}

void apply_option(RunSpec& spec, const std::string& text, const std::optional<SeccompFile>& file) {
  const Word word(text);
  if (word.name == "seccomp") {
    if (word.value.empty())
      refuse_option(text, "names no profile", "unconfined, builtin or a file");
    apply_seccomp(spec, word.value, file);
  } else if (word.name == "no-new-privileges") {
    spec.process.no_new_privileges = truth(text, word.value);
  } else if (word.name == "unmask") {
    unmask(spec, text, word.value);
  } else if (word.name == "systempaths" && word.value == "unconfined") {
    unmask(spec, text, "ALL");
  } else if (word.name == "mask") {
    for (const std::string& path : paths_of(text, word.value))
      spec.masked_paths.push_back(path);
  } else if (word.name != "landlock" && text != "label=disable" &&
             text != "apparmor=unconfined") { // so it is here
    refuse_option(
        text, "there is no such option in this version",
        did_you_mean(word.name, {"seccomp", "no-new-privileges", "unmask", "mask", "landlock"}));
  }
}

// Everything that a user namespace can give. Options beside --privileged still count.
void apply_privileged(RunSpec& spec) {
  spec.seccomp = {SeccompMode::unconfined, {}};
  spec.masked_paths.clear();
  spec.read_only_paths.clear();
  spec.host_devices = true;
  spec.writable_kernel_trees = true;
}

std::uint64_t limit_value(const std::string& text, std::string_view value) {
  if (value == "-1" || value == "unlimited") return kUnlimited;
  std::uint64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (value.empty() || error != std::errc() || stop != end)
    throw UsageError(fmt::format("run: --ulimit '{}': '{}' is not a number", text, value),
                     "write NAME=SOFT or NAME=SOFT:HARD; -1 is unlimited");
  return number;
}

int oom_score(const std::string& text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end || value < -1000 || value > 1000)
    throw UsageError(
        fmt::format("run: --oom-score-adj: '{}' is not a number from -1000 to 1000", text));
  return value;
}

} // namespace

void declare_security_flags(CommandLine& line, SecurityFlags& flags) {
  line.group("Walls and limits of a process");
  line.list("--security-opt", flags.options, "OPTION",
            "seccomp=unconfined|FILE, no-new-privileges, unmask=ALL|PATH[:PATH…], "
            "mask=PATH[:PATH…], landlock=RULE (below)");
  line.flag(
      "--privileged", flags.privileged,
      "all capabilities of its user namespace, no seccomp, nothing masked, the host's devices");
  line.list("--ulimit", flags.ulimits, "NAME=SOFT[:HARD]",
            "a resource limit as in setrlimit(2): nofile, nproc, core …; -1 is unlimited");
  line.text("--oom-score-adj", flags.oom_score_adj, "NUMBER",
            "how soon the command is killed when memory is short, -1000 to 1000");
}

std::optional<std::string> seccomp_file_name(const SecurityFlags& flags) {
  std::optional<std::string> name;
  for (const std::string& option : flags.options) {
    const Word word(option);
    if (word.name != "seccomp") continue;
    const bool file = word.value != "unconfined" && word.value != "builtin" && !word.value.empty();
    name = file ? std::optional(word.value) : std::nullopt;
  }
  return name;
}

LandlockSpec landlock_of(const SecurityFlags& flags) {
  LandlockSpec spec;
  for (const std::string& option : flags.options)
    if (const Word word(option); word.name == "landlock") add_landlock_rule(spec, word.value);
  return spec;
}

void apply_security_flags(RunSpec& spec, const SecurityFlags& flags,
                          const std::optional<SeccompFile>& file) {
  if (flags.privileged) apply_privileged(spec);
  for (const std::string& option : flags.options)
    apply_option(spec, option, file);
  for (const std::string& text : flags.ulimits) {
    const ResourceLimit limit = parse_ulimit(text);
    std::vector<ResourceLimit>& limits = spec.process.limits;
    std::erase_if(limits,
                  [&](const ResourceLimit& known) { return known.resource == limit.resource; });
    limits.push_back(limit);
  }
  if (flags.oom_score_adj) spec.process.oom_score_adj = oom_score(*flags.oom_score_adj);
}

ResourceLimit parse_ulimit(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  ResourceLimit limit;
  const std::optional<int> resource = resource_number(name);
  if (!resource)
    throw UsageError(fmt::format("run: --ulimit '{}': there is no limit '{}'", text, name),
                     did_you_mean(name, resource_names()));
  limit.resource = *resource;
  const std::string values = equals == std::string::npos ? "" : text.substr(equals + 1);
  const std::size_t colon = values.find(':');
  limit.soft = limit_value(text, std::string_view(values).substr(0, colon));
  limit.hard = colon == std::string::npos
                   ? limit.soft
                   : limit_value(text, std::string_view(values).substr(colon + 1));
  if (limit.soft > limit.hard)
    throw UsageError(fmt::format("run: --ulimit '{}': the soft limit is above the hard one", text));
  return limit;
}

} // namespace layerbox
