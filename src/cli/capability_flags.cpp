#include "cli/capability_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "cli/error_report.hpp"
#include "cli/nearest.hpp"

namespace layerbox {
namespace {

constexpr const char* kAll = "CAP_ALL";

std::set<std::string> named(const std::vector<std::string>& words, const char* flag) {
  const std::vector<std::string> known = all_capabilities();
  std::set<std::string> names;
  for (const std::string& word : words) {
    std::string name = word;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (!name.starts_with("CAP_")) name = "CAP_" + name;
    if (name != kAll && std::find(known.begin(), known.end(), name) == known.end())
      throw UsageError(fmt::format("run: {}: there is no capability '{}'", flag, word),
                       did_you_mean(name, known));
    names.insert(name);
  }
  return names;
}

} // namespace

std::vector<std::string> all_capabilities() {
  return {"CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_DAC_READ_SEARCH",
          "CAP_FOWNER",
          "CAP_FSETID",
          "CAP_KILL",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_SETPCAP",
          "CAP_LINUX_IMMUTABLE",
          "CAP_NET_BIND_SERVICE",
          "CAP_NET_BROADCAST",
          "CAP_NET_ADMIN",
          "CAP_NET_RAW",
          "CAP_IPC_LOCK",
          "CAP_IPC_OWNER",
          "CAP_SYS_MODULE",
          "CAP_SYS_RAWIO",
          "CAP_SYS_CHROOT",
          "CAP_SYS_PTRACE",
          "CAP_SYS_PACCT",
          "CAP_SYS_ADMIN",
          "CAP_SYS_BOOT",
          "CAP_SYS_NICE",
          "CAP_SYS_RESOURCE",
          "CAP_SYS_TIME",
          "CAP_SYS_TTY_CONFIG",
          "CAP_MKNOD",
          "CAP_LEASE",
          "CAP_AUDIT_WRITE",
          "CAP_AUDIT_CONTROL",
          "CAP_SETFCAP",
          "CAP_MAC_OVERRIDE",
          "CAP_MAC_ADMIN",
          "CAP_SYSLOG",
          "CAP_WAKE_ALARM",
          "CAP_BLOCK_SUSPEND",
          "CAP_AUDIT_READ",
          "CAP_PERFMON",
          "CAP_BPF",
          "CAP_CHECKPOINT_RESTORE"};
}

std::vector<std::string> merge_capabilities(const std::vector<std::string>& defaults,
                                            const std::vector<std::string>& add,
                                            const std::vector<std::string>& drop) {
  if (add.empty() && drop.empty()) return defaults;
  const std::set<std::string> added = named(add, "--cap-add");
  const std::set<std::string> dropped = named(drop, "--cap-drop");
  std::vector<std::string> merged;
  for (const std::string& name : all_capabilities()) {
    const bool is_default = std::find(defaults.begin(), defaults.end(), name) != defaults.end();
    // A name given to both flags is dropped, unless it is what remains of dropping ALL.
    bool has = is_default || added.contains(name) || added.contains(kAll);
    if (dropped.contains(name)) has = false;
    if (dropped.contains(kAll)) has = added.contains(name);
    if (has) merged.push_back(name);
  }
  return merged;
}

} // namespace layerbox
