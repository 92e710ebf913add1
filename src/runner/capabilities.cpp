#include "runner/capabilities.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

// In the order of their numbers.
constexpr std::array<std::string_view, 41> kNames = {"CHOWN",
                                                     "DAC_OVERRIDE",
                                                     "DAC_READ_SEARCH",
                                                     "FOWNER",
                                                     "FSETID",
                                                     "KILL",
                                                     "SETGID",
                                                     "SETUID",
                                                     "SETPCAP",
                                                     "LINUX_IMMUTABLE",
                                                     "NET_BIND_SERVICE",
                                                     "NET_BROADCAST",
                                                     "NET_ADMIN",
                                                     "NET_RAW",
                                                     "IPC_LOCK",
                                                     "IPC_OWNER",
                                                     "SYS_MODULE",
                                                     "SYS_RAWIO",
                                                     "SYS_CHROOT",
                                                     "SYS_PTRACE",
                                                     "SYS_PACCT",
                                                     "SYS_ADMIN",
                                                     "SYS_BOOT",
                                                     "SYS_NICE",
                                                     "SYS_RESOURCE",
                                                     "SYS_TIME",
                                                     "SYS_TTY_CONFIG",
                                                     "MKNOD",
                                                     "LEASE",
                                                     "AUDIT_WRITE",
                                                     "AUDIT_CONTROL",
                                                     "SETFCAP",
                                                     "MAC_OVERRIDE",
                                                     "MAC_ADMIN",
                                                     "SYSLOG",
                                                     "WAKE_ALARM",
                                                     "BLOCK_SUSPEND",
                                                     "AUDIT_READ",
                                                     "PERFMON",
                                                     "BPF",
                                                     "CHECKPOINT_RESTORE"};

std::string bare_name(const std::string& name) {
  std::string upper;
  for (const char c : name)
    upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper.starts_with("CAP_") ? upper.substr(4) : upper;
}

} // namespace

std::uint64_t capability_mask(const std::vector<std::string>& names) {
  std::uint64_t mask = 0;
  for (const std::string& name : names) {
    const std::string bare = bare_name(name);
    if (bare == "ALL") {
      mask |= (std::uint64_t{1} << kNames.size()) - 1;
      continue;
    }
    const auto* const found = std::find(kNames.begin(), kNames.end(), bare);
    if (found == kNames.end())
      throw Error(ErrorKind::invalid_argument, "no capability is called '" + printable(name) + "'");
    mask |= std::uint64_t{1} << (found - kNames.begin());
  }
  return mask;
}

} // namespace layerbox
