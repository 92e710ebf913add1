#include "runner/run_spec.hpp"

#include <algorithm>
#include <array>

namespace layerbox {
namespace {

constexpr std::array<std::string_view, 12> kMaskedPaths = {"/proc/acpi",
                                                           "/proc/asound",
                                                           "/proc/interrupts",
                                                           "/proc/kcore",
                                                           "/proc/keys",
                                                           "/proc/latency_stats",
                                                           "/proc/sched_debug",
                                                           "/proc/scsi",
                                                           "/proc/timer_list",
                                                           "/proc/timer_stats",
                                                           "/sys/devices/virtual/powercap",
                                                           "/sys/firmware"};
constexpr std::array<std::string_view, 5> kReadOnlyPaths = {"/proc/bus", "/proc/fs", "/proc/irq",
                                                            "/proc/sys", "/proc/sysrq-trigger"};

} // namespace

std::vector<std::string> default_capabilities() {
  return {"CAP_CHOWN",       "CAP_DAC_OVERRIDE",     "CAP_FOWNER",  "CAP_FSETID",
          "CAP_KILL",        "CAP_SETGID",           "CAP_SETUID",  "CAP_SETPCAP",
          "CAP_MKNOD",       "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT",
          "CAP_AUDIT_WRITE", "CAP_SETFCAP"};
}

std::vector<std::string> default_masked_paths() {
  return {kMaskedPaths.begin(), kMaskedPaths.end()};
}

std::vector<std::string> default_read_only_paths() {
  return {kReadOnlyPaths.begin(), kReadOnlyPaths.end()};
}

bool is_hidden_by_default(std::string_view path) {
  return std::find(kMaskedPaths.begin(), kMaskedPaths.end(), path) != kMaskedPaths.end() ||
         std::find(kReadOnlyPaths.begin(), kReadOnlyPaths.end(), path) != kReadOnlyPaths.end();
}

} // namespace layerbox
