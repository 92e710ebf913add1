#include "base/landlock_abi.hpp"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace layerbox {

int landlock_version() {
#ifdef LAYERBOX_FAULTS
  if (const char* forced = std::getenv("LAYERBOX_FAULT_LANDLOCK")) {
    const int version = std::atoi(forced);
    if (version > 0) return version;
    return version == 0 ? -EOPNOTSUPP : -ENOSYS;
  }
#endif
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0},
                                 LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? -errno : static_cast<int>(version);
}

} // namespace layerbox
