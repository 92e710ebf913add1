// launch: the launcher's side of the clone. It opens what the child needs, makes the process with
// all its namespaces in one clone3(2), maps its ids, and waits until the command runs.
//
//     Launched box = launch(plan, identity, hooks.started, size);
//     box.pid, box.pidfd, box.terminal …
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "runner/cgroups.hpp"
#include "runner/child.hpp"
#include "runner/plan.hpp"
#include "runner/run_container.hpp"

namespace layerbox {

// A process that is killed and waited for when its owner leaves without having waited.
class ChildProcess {
 public:
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  FdRef pidfd() const { return pidfd_; } // readable when it has ended
  void send(int signal) const noexcept;  // to one that has ended: nothing
  // Waits; the whole pid namespace has ended then. 128+N when signal N killed it.
  int wait_status();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

struct TerminalSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

struct Launched {
  ChildProcess process;
  // Held while the container lives: its hanging up tells the child that we are gone.
  UniqueFd go;
  UniqueFd terminal; // the pty's master, with plan.terminal
  // Empty when the command runs, else what stopped it.
  std::optional<ChildReport> report;
};

// Requires: descriptors 0 to 2 open, signals that will be relayed blocked.
// Throws Error when the process cannot be made or its ids cannot be mapped, and what `started`
// throws; nothing is left then.
// The process is in `cgroups`, those of the plan, before it does anything else.
Launched launch(const Plan& plan, const Identity& identity, const Cgroups& cgroups,
                const std::function<void(const Started&)>& started, TerminalSize size);

} // namespace layerbox
