// container_run: a container that is there gets what it needs, its command is run, and what became
// of it is written down. `run` does all at once, `create` the first half, `start` the second.
//
//     ContainerRun work(prepared, container, flags, invocation);
//     work.make();
//     return work.run(nullptr);
#pragma once

#include <functional>
#include <string>

#include "cli/container_volumes.hpp"
#include "cli/detach.hpp"
#include "cli/run_preparation.hpp"
#include "runner/run_container.hpp"
#include "store/event_log.hpp"

namespace layerbox {

class ContainerRun {
 public:
  // All must outlive it.
  ContainerRun(PreparedRun& prepared, NewContainer& container, const RunFlags& flags,
               Invocation& invocation);

  // What a new container needs before it can run. Throws Error.
  void make();
  // Of one that was made before: what may be missing by now. Throws Error.
  void find_again();
  // Runs the command, again and again when its restart policy says so, and returns its status; in
  // the terminal that we have, or without one: then `detached` hears that it runs. Requires make()
  // or find_again(). Throws Error.
  int run(Detached* detached);
  // Writes down what happened to the container and was not told yet.
  void tell_events() noexcept;

 private:
  void begin();
  void prepare(OwnVolumes own_volumes);
  void make_places() const;
  RunOutcome run_once(const std::function<void()>& begun);
  RunOutcome run_detached_once(Detached& detached);
  bool waits_for_restart(const RunOutcome& outcome, std::uint32_t quick_ends);
  void tell(const RunOutcome& outcome) const;
  void finish(const RunOutcome& outcome);
  void end_freezer() const;
  void admit() const noexcept;
  void note(std::string action);
  void forget_start() const;
  bool is_swept() const noexcept;
  void sweep() const noexcept;

  PreparedRun& prepared_;
  NewContainer& container_;
  const RunFlags& flags_;
  Invocation& invocation_;
  HeadStart begun_;                    // of the next run
  std::optional<std::string> pidfile_; // absolute
  std::vector<Event> events_;          // that nobody has been told yet
};

// Writes `content` to the user's file `path`; `flags` decide whether it may be there already.
void write_user_file(const std::string& path, int flags, const std::string& content);

} // namespace layerbox
