// attach: a detached container in this terminal.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "cli/attach_frames.hpp"
#include "cli/attach_server.hpp"
#include "cli/container_end.hpp"
#include "cli/detach_keys.hpp"
#include "cli/error_report.hpp"
#include "cli/find_container.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "runner/console.hpp"
#include "runner/supervise.hpp"
#include "store/event_log.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::chrono::milliseconds kLookForStatus{10};
constexpr std::size_t kAttachBytes = std::size_t{16} << 10;

// What happens between our streams and the watcher's socket.
class Session {
 public:
  Session(UniqueFd socket, const ContainerState& state, DetachKeys keys, bool with_input)
      : socket_(std::move(socket)), state_(state), keys_(std::move(keys)), reads_(with_input),
        gate_(WithTerminal::yes) {
    if (with_input) raw_ = RawTerminal::make(FdRef(STDIN_FILENO));
    tell_size();
  }

  enum class End : bool { container, detached };
  // Until the container has ended, or the user has had enough.
  End run() {
    while (!ended_ && !detached_) {
      std::array<struct pollfd, 3> waited = {{{socket_.get(), POLLIN, 0},
                                              {reads_ ? STDIN_FILENO : -1, POLLIN, 0},
                                              {gate_.fd().get(), POLLIN, 0}}};
      if (::poll(waited.data(), waited.size(), -1) < 0) {
        if (errno == EINTR) continue;
        throw_errno(errno, "waiting for the container");
      }
      if (waited[2].revents != 0) take_signals();
      if (waited[0].revents != 0) show();
      if (waited[1].revents != 0 && !detached_) read_input();
    }
    return detached_ ? End::detached : End::container;
  }

 private:
  void show() {
    std::array<char, kAttachBytes> buffer;
    const ssize_t got = ::read(socket_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) return;
    ended_ = got <= 0 ||
             !reader_.take({buffer.data(), static_cast<std::size_t>(got)},
                           [](FrameKind kind, std::string_view bytes) {
                             const int to = kind == FrameKind::out ? STDOUT_FILENO : STDERR_FILENO;
                             write_all(FdRef(to), std::as_bytes(std::span(bytes)), "our output");
                           });
  }

  void read_input() {
    std::array<char, kAttachBytes> buffer;
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
      reads_ = false;
      send(frames_of(FrameKind::input_ended, {}));
      return;
    }
    const DetachKeys::Seen seen = keys_.see({buffer.data(), static_cast<std::size_t>(got)});
    if (!seen.pass_on.empty()) send(frames_of(FrameKind::input, seen.pass_on));
    detached_ = seen.complete;
  }

  void take_signals() {
    while (const int signal = gate_.take()) {
      if (signal == SIGWINCH)
        tell_size();
      else if (signal == SIGHUP)
        detached_ = true; // our terminal is gone, and the container stays
      else if (signal != SIGPIPE && signal != SIGCONT && signal != SIGTSTP)
        (void)signal_container(state_, signal);
    }
  }

  void tell_size() {
    const TerminalSize size = own_terminal_size();
    if (size.rows > 0) send(size_frame(size.rows, size.columns));
  }

  void send(std::string_view frames) {
    while (!frames.empty()) {
      const ssize_t sent = ::send(socket_.get(), frames.data(), frames.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return; // its end is read in a moment
      frames.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  UniqueFd socket_;
  const ContainerState& state_;
  DetachKeys keys_;
  bool reads_;
  SignalGate gate_;
  RawTerminal raw_;
  FrameReader reader_;
  bool ended_ = false;
  bool detached_ = false;
};

// Of the command that we were attached to: one that is run again has ended, too.
int status_of_command(const Store& store, const ContainerState& state, ContainerEnd& end) {
  for (;;) {
    const auto now = try_find_container(list_containers(store), state.id);
    if (!now || !now->held) return end.await_status();
    if (now->state.exit_status) return *now->state.exit_status;
    if (now->state.restarts != state.restarts)
      throw Error(ErrorKind::not_found, "the command has ended, and is run again");
    std::this_thread::sleep_for(kLookForStatus);
  }
}

class AttachVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("What the command writes is shown from now on; 'layerbox logs' has what was "
                 "before. Standard input is the command's when the container was made with -i. "
                 "Returns the command's status, or 0 after the detach keys.");
    line.operand("CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.flag("--no-stdin", no_input_, "standard input is left alone");
    line.text("--detach-keys", keys_, "KEYS",
              "keys that leave the container running and return: ctrl-p,ctrl-q; \"\" for none");
    line.example("layerbox attach web", "see what 'web' writes; ^P ^Q leaves it");
  }
  int status_of_failure() const override { return exit_code::kNotStarted; }

  int run(Invocation& invocation) override {
    const DetachKeys keys = DetachKeys::parse(keys_.value_or("ctrl-p,ctrl-q"));
    return with_context(
        [&] { return fmt::format("attaching to container '{}'", reference_); },
        [&] {
          const Store& store = invocation.store();
          const ContainerInfo found = find_container(list_containers(store), reference_);
          if (!found.running)
            throw Error(ErrorKind::invalid_argument, "it is " + state_word(found));
          const UniqueFd dir = open_beneath(
              store.root(), RelPath::parse(layout::container_dir(found.state.id)), kOpenDir);
          ContainerEnd end = open_end(store, found.state);
          Session session(connect_to_watcher(dir), found.state, keys, !no_input_);
          record_events(store.root(), {container_event(found.state, "attach")});
          const Session::End how = session.run();
          return how == Session::End::detached ? exit_code::kDone
                                               : status_of_command(store, found.state, end);
        });
  }

 private:
  std::string reference_;
  bool no_input_ = false;
  std::optional<std::string> keys_;
};

} // namespace

std::unique_ptr<Verb> make_attach_verb() {
  return std::make_unique<AttachVerb>();
}

} // namespace layerbox
