// security_flags: the options that move the walls of a container, and what they do to a RunSpec.
//
//     --security-opt seccomp=unconfined|FILE     --security-opt no-new-privileges[=true|false]
//     --security-opt unmask=ALL|PATH[:PATH]…     --security-opt mask=PATH[:PATH]…
//     --security-opt landlock=RULE, see landlock_flags.hpp
//     --privileged     --ulimit NAME=SOFT[:HARD]     --oom-score-adj NUMBER
//
// Spelled as docker and podman spell them; docker's older ':' in place of '=' is read too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/kernel_version.hpp"
#include "cli/command_line.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

struct SecurityFlags {
  std::vector<std::string> options; // --security-opt
  std::vector<std::string> ulimits;
  std::optional<std::string> oom_score_adj;
  bool privileged = false;
};

// A file that an option names, read by who may touch the host.
struct SeccompFile {
  std::string name;
  std::string content;
  KernelVersion kernel = {}; // that runs
};

void declare_security_flags(CommandLine& line, SecurityFlags& flags);

// The file of the last seccomp=FILE; nothing for none, "unconfined" and "builtin".
std::optional<std::string> seccomp_file_name(const SecurityFlags& flags);

// The landlock=RULE options together. Throws UsageError.
LandlockSpec landlock_of(const SecurityFlags& flags);

// Sets the walls of `spec` but for landlock_of(); its capabilities are final. `file` is what
// seccomp_file_name() names. Throws UsageError for what has no meaning, Error for a bad
// profile.
void apply_security_flags(RunSpec& spec, const SecurityFlags& flags,
                          const std::optional<SeccompFile>& file);

// "nofile=1024:4096", "core=-1". Throws UsageError.
ResourceLimit parse_ulimit(const std::string& text);

} // namespace layerbox
