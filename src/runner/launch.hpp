// launch: the launcher's side of the clone. It opens what the child needs, makes the process with
// all its namespaces in one clone3(2), maps its ids, and waits until the command runs.
//
//     Launched box = launch(plan, identity, hooks.started, size);
//     box.pid, box.pidfd, box.terminal …
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/fuse_overlayfs.hpp"
#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "runner/birth.hpp"
#include "runner/cgroups.hpp"
#include "runner/embryo.hpp"
#include "runner/plan.hpp"
#include "runner/run_container.hpp"

namespace layerbox {

struct TerminalSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

struct Launched {
  // Serves the rootfs of Plan.served; outlives the process.
  std::unique_ptr<FuseOverlayfs> files;
  ChildProcess process;
  // Held while the container lives: its hanging up tells the child that we are gone.
  UniqueFd go;
  UniqueFd terminal; // the pty's master, with plan.terminal
  UniqueFd notify;   // what the command tells the service manager, with Act::notify_socket
  // Empty when the command runs, else what stopped it.
  std::optional<ChildReport> report;
};

// Requires: descriptors 0 to 2 open, signals that will be relayed blocked.
// Throws Error when the process cannot be made or its ids cannot be mapped, and what `started`
// throws; nothing is left then.
// The process is in `cgroups`, those of the plan, before it does anything else. It is `embryo` when
// that fits; where that turns out not to do, another is made, and `started` is called once more.
Launched launch(const Plan& plan, const Identity& identity, const Cgroups& cgroups,
                const std::function<void(const Started&)>& started, TerminalSize size,
                std::unique_ptr<Embryo> embryo = {});

} // namespace layerbox
