#include "runner/run_spec.hpp"

namespace layerbox {

std::vector<std::string> default_capabilities() {
  return {"CAP_CHOWN",       "CAP_DAC_OVERRIDE",     "CAP_FOWNER",  "CAP_FSETID",
          "CAP_KILL",        "CAP_SETGID",           "CAP_SETUID",  "CAP_SETPCAP",
          "CAP_MKNOD",       "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT",
          "CAP_AUDIT_WRITE", "CAP_SETFCAP"};
}

std::vector<std::string> default_masked_paths() {
  return {"/proc/acpi",
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
}

std::vector<std::string> default_read_only_paths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

} // namespace layerbox
