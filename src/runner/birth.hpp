// birth: how the container's process comes to be, by clone3(2), and who it belongs to meanwhile.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "base/unique_fd.hpp"
#include "runner/cgroups.hpp"
#include "runner/child.hpp"
#include "runner/plan.hpp"

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

// A process in new `namespaces` (CLONE_NEW*), and in the cgroup `birthplace` if that is open, in
// which `run` is called, which must not return. Sets `born_in` when it has been born there; else it
// is to be moved there. Throws Error, with a hint.
ChildProcess make_child(std::uint64_t namespaces, FdRef birthplace, bool& born_in,
                        const std::function<void()>& run);

// The process of `plan` in its namespaces, which runs the program of `context`. As above.
ChildProcess start_child(const Plan& plan, const Cgroups& cgroups, ChildContext& context,
                         bool& born_in);

// The process that the first one has made in namespaces that were there already (be_born); nothing
// when that failed, and the report says why. The first one has ended then.
std::optional<ChildProcess> await_birth(FdRef birth, ChildProcess& first);

} // namespace layerbox
