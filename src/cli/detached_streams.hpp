// detached_streams: the standard streams of a command whose layerbox has no terminal. For as long
// as it exists they are this process's own, so that run_container() hands them on: pipes whose
// other ends are read in a thread of their own and written to the container's log and to who is
// attached; with a terminal, one that nobody sits at until then.
#pragma once

#include <optional>
#include <thread>

#include "base/unique_fd.hpp"
#include "cli/attach_server.hpp"
#include "cli/container_log.hpp"
#include "cli/own_streams.hpp"

namespace layerbox {

class DetachedStreams {
 public:
  enum class Kind : bool { pipes, terminal };
  // `dir`, where the log is, must outlive it. Throws Error.
  DetachedStreams(FdRef dir, LogLimits limits, Kind kind, bool with_input);
  DetachedStreams(const DetachedStreams&) = delete;
  DetachedStreams& operator=(const DetachedStreams&) = delete;
  // Requires that the command has ended. The streams are again what they were before, unless
  // forget_terminal() was called; all that was written is in the log.
  ~DetachedStreams();

  // From now on nothing is held of who began it.
  void forget_terminal() { own_.forget(); }

 private:
  void make_pipes(bool with_input);
  void make_terminal(bool with_input);
  void pump() noexcept;
  bool move(FdRef from, LogStream stream);

  FdRef dir_;
  LogWriter log_;
  OwnStreams own_;
  std::optional<AttachServer> server_; // holds the command's input open
  UniqueFd out_;
  UniqueFd error_; // none with a terminal
  UniqueFd stop_;
  std::jthread thread_;
};

} // namespace layerbox
