// run_container: the runner's front door. Launches the plan of a RunSpec, relays terminal and
// signals, waits, and says how the command ended.
//
//     RunHooks hooks;  hooks.started = [&](const Started& s) { lease.update(…s.pid…); };
//     RunOutcome outcome = run_container(spec, identity, hooks);
//     return outcome.exit_status;
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "runner/cgroups.hpp"
#include "runner/embryo.hpp"
#include "runner/end_watch.hpp"
#include "runner/exec_spec.hpp"
#include "runner/network_switch.hpp"
#include "runner/plan.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

struct RunHooks {
  // After the process exists and before it runs anything of the container's. What this throws
  // ends the container.
  std::function<void(const Started&)> started;
  // On a bridge network: its containers, whenever one has come or gone. Nobody else is told
  // meanwhile. What this throws when this container comes ends it.
  std::function<void(const std::vector<NetworkMember>&)> network_changed;
  // Once, right after the command has been executed; signals wait for it. What it returns, if
  // anything, is done in a thread of its own, which is waited for at the end: room for work that
  // takes a while. Neither must throw.
  std::function<std::function<void()>()> begun;
};

struct RunOutcome {
  // The command's own status; 128+N when signal N killed it; 126 when it was found but could not be
  // executed; 127 when it was not found. For these two `failure` says which and why.
  int exit_status = 0;
  std::string failure;
  std::string hint;
  EndCause end_cause = EndCause::none;
  bool asked_to_end = false; // layerbox was, by a signal
  // Why not all of its terminal's output came out; else "".
  std::string output_lost;
  // Why something that the command said to the service manager did not arrive; else "".
  std::string notify_lost;
  // How what serves the root file system ended before the container did; else "".
  std::string files_lost;
  // The kernel killed a process of the container for want of memory.
  bool oom_killed = false;
  // Why the container's cgroups could not be removed; empty when they are gone.
  std::string cgroups_left;
  // This machine forwards packets since this container's network came up, and did not before.
  bool turned_forwarding_on = false;
};

// What run_container() of `spec` would do, here and now. Looks at the machine, makes nothing.
// Throws Error for a spec that makes no sense.
Plan plan_container(const RunSpec& spec, const Identity& identity);

// A head start of run_container(), as soon as it is known which namespaces and network the
// container will have, and whether cgroups; the rest of `spec` is not looked at. None where there
// is nothing to gain, and where it is born in its cgroup.
std::unique_ptr<Embryo> begin_container(const RunSpec& spec);

// What is there before run_container(). Ends the process, then the cgroups, when it goes.
struct HeadStart {
  std::unique_ptr<Cgroups> cgroups; // of the spec; none: they are still to be made
  std::unique_ptr<Embryo> embryo;
};

// The same of a container with cgroups, as soon as they are written down where they are looked for.
// Requires all of `spec` but its rootfs. `embryo`, if there is one, goes into them; else one is
// born there. `lock` says who looks for them that they are in use, and is the launcher's alone.
// Throws Error.
HeadStart begin_in_cgroups(const RunSpec& spec, const Identity& identity,
                           std::unique_ptr<Embryo> embryo, FdRef lock = FdRef(-1));

// As soon as all of `spec` but its rootfs is known. Takes `embryo` away when it would not fit. One
// with cgroups settles when these are there.
void settle_container(const RunSpec& spec, const Identity& identity,
                      std::unique_ptr<Embryo>& embryo);

// Throws Error when the container could not be set up (the caller exits with 125): the message
// names the step that failed and the object, the hint the way out.
// The process of `begun` is taken when it fits.
RunOutcome run_container(const RunSpec& spec, const Identity& identity, const RunHooks& hooks,
                         HeadStart begun = {});

// One more command in a container that runs. As above; the namespaces are closed when it has begun,
// and then `begun` is called. What that throws ends the command.
RunOutcome exec_in_container(ExecSpec spec, const Identity& identity,
                             const std::function<void()>& begun);

} // namespace layerbox
