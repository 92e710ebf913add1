// Limits of this process and of the cgroup that it is in. Source: getrlimit(2);
// Documentation/admin-guide/cgroup-v2.rst "PID", cgroup-v1/pids.rst.
#include <sys/resource.h>

#include "base/kernel_text.hpp"
#include "cli/doctor/probe.hpp"
#include "cli/doctor/trial.hpp"
#include "runner/cgroup_layout.hpp"

namespace layerbox::doctor {
namespace {

std::string own_pids_cgroup() {
  const CgroupLayout layout = read_cgroup_layout();
  const CgroupHierarchy* hierarchy = layout.v1_with("pids");
  if (hierarchy == nullptr) hierarchy = layout.v2();
  return hierarchy != nullptr ? hierarchy->own : "";
}

} // namespace

LimitFacts probe_limits() {
  LimitFacts facts;
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    facts.open_files = limit.rlim_cur;
    facts.max_open_files = limit.rlim_max;
  }
  if (::getrlimit(RLIMIT_NPROC, &limit) == 0) facts.processes = limit.rlim_cur;
  (void)try_here([&] {
    const std::string own = own_pids_cgroup();
    facts.cgroup_pids_max = kernel_number(own + "/pids.max"); // "max" is no number
    facts.cgroup_pids = kernel_number(own + "/pids.current").value_or(0);
  });
  return facts;
}

} // namespace layerbox::doctor
