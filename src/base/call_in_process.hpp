// call_in_process: work done in a process of its own. What that does to itself, the namespaces it
// makes and the mounts in them, its ids and its limits, is gone with it; its Error comes back.
//
//     call_in_process([&] { check(::unshare(CLONE_NEWNS)); mount_something(); });
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {

// Runs `work` in a child process, waits for it, and rethrows the Error it threw (kind, errno, text,
// hint). `work` must not depend on threads of the parent. The child ends with the parent. Throws
// Error also when there can be no process, or it ends before the work does.
void call_in_process(const std::function<void()>& work);

// The same, beside what the caller does meanwhile.
//
//     WorkInProcess work([&] { read_there(pipe.write); }, {{pipe.write.get()}});
//     pipe.write.reset();  use(pipe.read);
//     work.finish();
class WorkInProcess {
 public:
  // Starts it. With `kept`, it has of the caller's descriptors these and standard error alone.
  // Requires: no threads in which the caller's child may not be forked. Throws Error.
  explicit WorkInProcess(const std::function<void()>& work,
                         const std::optional<std::vector<int>>& kept = std::nullopt);
  // Kills it when it was not waited for.
  ~WorkInProcess();
  WorkInProcess(const WorkInProcess&) = delete;
  WorkInProcess& operator=(const WorkInProcess&) = delete;

  // Waits for its end, and rethrows what it threw. Throws Error also when it ended before its work.
  void finish();

 private:
  UniqueFd report_;
  pid_t pid_ = -1; // until it was waited for
};

// Has the calling process end with `parent`, whose child it is, from now on. A change of ids takes
// this back (PR_SET_PDEATHSIG(2const)). Ends at once when the parent is gone.
void end_with_parent(pid_t parent);

// Waits for the end of a child; its wait status (waitpid(2)). Throws Error.
int wait_for_child(pid_t pid);

} // namespace layerbox
