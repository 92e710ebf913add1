#include "runner/host_facts.hpp"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/error.hpp"
#include "base/kernel_version.hpp"
#include "base/landlock_abi.hpp"

namespace layerbox {

bool fault_forced([[maybe_unused]] const char* name) {
#ifdef LAYERBOX_FAULTS
  return std::getenv(name) != nullptr;
#else
  return false;
#endif
}

std::vector<std::string> list_host_devices() {
  namespace fs = std::filesystem;
  constexpr std::size_t kMaxListedDevices = 4096;
  static constexpr std::array<std::string_view, 6> kOwn = {"pts",     "shm",  "mqueue",
                                                           "console", "ptmx", "hugepages"};
  std::vector<std::string> names;
  std::error_code error;
  fs::recursive_directory_iterator at("/dev", fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator() && names.size() < kMaxListedDevices;
       at.increment(error)) {
    const std::string name = at->path().string().substr(sizeof "/dev");
    if (std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end()) {
      at.disable_recursion_pending();
      continue;
    }
    std::error_code gone;
    const fs::file_type type = at->symlink_status(gone).type();
    if (type == fs::file_type::character || type == fs::file_type::block) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

LandlockFact probe_landlock() {
  const int version = landlock_version();
  if (version > 0) return {version, false, {}};
  switch (-version) {
  case EOPNOTSUPP:
    return {0, true, "it is switched off in this kernel"};
  case ENOSYS:
    return {0, false, "this kernel has none (CONFIG_SECURITY_LANDLOCK, Linux 5.13)"};
  default:
    return {0, false, errno_text(-version)};
  }
}

bool mounts_overlay_by_fsconfig(std::string_view release) {
  // A release that cannot be read is a new one: mount(2) takes 500 layers at most.
  const std::optional<KernelVersion> version = take_kernel_version(release);
  return !version || *version >= KernelVersion{6, 5};
}

HostFacts probe_host_facts(const Identity& identity) {
  HostFacts facts;
  facts.privilege = identity.privilege;
  if (identity.privilege == Privilege::single)
    facts.setgroups = {false, "one id is mapped without newgidmap, which the kernel allows only "
                              "with setgroups(2) denied"};
  struct utsname system {};
  if (::uname(&system) == 0 && !mounts_overlay_by_fsconfig(system.release))
    facts.overlay_by_fsconfig = {false, "this kernel's overlayfs is older than Linux 6.5"};
  if (fault_forced("LAYERBOX_FAULT_NO_FSCONFIG"))
    facts.overlay_by_fsconfig = {false, "LAYERBOX_FAULT_NO_FSCONFIG is set"};
  return facts;
}

} // namespace layerbox
