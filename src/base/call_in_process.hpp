// call_in_process: work done in a process of its own. What that does to itself, the namespaces it
// makes and the mounts in them, its ids and its limits, is gone with it; its Error comes back.
//
//     call_in_process([&] { check(::unshare(CLONE_NEWNS)); mount_something(); });
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {

// Runs `work` in a child process, waits for it, and rethrows the Error it threw (kind, errno, text,
// hint). `work` must not depend on threads of the parent. The child ends with the parent. Throws
// Error also when there can be no process, or it ends before the work does.
void call_in_process(const std::function<void()>& work);

// The same, beside what the caller does meanwhile, who may be told of it.
//
//     WorkInProcess work([&](const Tell& tell) { tell(read_there(fd)); }, {{fd.get()}});
//     work.finish([&](std::string_view said) { use(said); });
class WorkInProcess {
 public:
  // Says something to the caller. Threads: one at a time.
  using Tell = std::function<void(std::string_view)>;
  using Hear = std::function<void(std::string_view)>;
  using Kept = std::optional<std::vector<int>>;
  // The most that one child may say. What says more may be in somebody else's hands.
  static constexpr std::size_t kMaxSaidBytes = std::size_t{256} << 20;

  // Starts it. With `kept`, it has of the caller's descriptors these and standard error alone.
  // `name` is for messages. Requires: no threads in which the caller's child may not be forked.
  // Throws Error.
  explicit WorkInProcess(const std::function<void()>& work, const Kept& kept = std::nullopt);
  WorkInProcess(const std::function<void(const Tell&)>& work, const Kept& kept, std::string name);
  // Kills it when it was not waited for.
  ~WorkInProcess();
  WorkInProcess(const WorkInProcess&) = delete;
  WorkInProcess& operator=(const WorkInProcess&) = delete;

  // Waits for its end; `hear` gets what it says, in order. Rethrows what it threw. Throws Error
  // also when it ended before its work, or says what it cannot have been made to say.
  void finish(const Hear& hear = nullptr);

 private:
  std::string name_;
  UniqueFd report_;
  pid_t pid_ = -1; // until it was waited for
};

// Has the calling process end with `parent`, whose child it is, from now on. A change of ids takes
// this back (PR_SET_PDEATHSIG(2const)). Ends at once when the parent is gone.
void end_with_parent(pid_t parent);

// Waits for the end of a child; its wait status (waitpid(2)). Throws Error.
int wait_for_child(pid_t pid);

} // namespace layerbox
