// events: what happened in the store, and what happens.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/event_filter.hpp"
#include "cli/event_view.hpp"
#include "cli/format_option.hpp"
#include "cli/moment.hpp"
#include "cli/output.hpp"
#include "cli/rotated_lines.hpp"
#include "cli/verbs.hpp"
#include "runner/supervise.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

// The store's directory, watched for what writers of the log do.
class LogWatch {
 public:
  explicit LogWatch(FdRef root) : changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    const std::string path = fmt::format("/proc/self/fd/{}", root.get());
    if (!changes_ ||
        ::inotify_add_watch(changes_.get(), path.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
      throw_errno(errno, "watching the store");
  }

  // False when there is no more to wait for: a signal asked us to end, nobody reads what we print,
  // or it is `deadline`, in seconds since 1970.
  bool await(std::optional<std::int64_t> deadline) const {
    const auto left_ms = wait_ms(deadline);
    if (left_ms == 0) return false;
    std::array<struct pollfd, 3> waited = {
        {{changes_.get(), POLLIN, 0}, {gate_.fd().get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
    if (::poll(waited.data(), waited.size(), left_ms) < 0 && errno != EINTR)
      throw_errno(errno, "waiting for events");
    std::array<char, 4096> ignored;
    while (::read(changes_.get(), ignored.data(), ignored.size()) > 0) {
    }
    bool asked_to_end = (waited[2].revents & (POLLERR | POLLNVAL)) != 0;
    while (const int signal = gate_.take())
      asked_to_end = asked_to_end || (signal != SIGCHLD && signal != SIGCONT && signal != SIGWINCH);
    return !asked_to_end;
  }

 private:
  static int wait_ms(std::optional<std::int64_t> deadline) {
    if (!deadline) return -1;
    const struct timespec now = now_utc();
    constexpr std::int64_t kMostSeconds = 3600; // poll(2) takes a small number, and clocks are set
    const std::int64_t seconds = std::clamp<std::int64_t>(*deadline - now.tv_sec, 0, kMostSeconds);
    if (seconds == 0) return 0;
    return static_cast<int>(seconds * 1000 - now.tv_nsec / 1'000'000);
  }

  UniqueFd changes_;
  SignalGate gate_{WithTerminal::no};
};

class EventsVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Shows what happens from now on, one line each, until interrupted, which is no failure. "
        "With --since what happened from then on comes first. --no-stream shows what is known and "
        "returns; so does an --until that has come, as 'now' has. With both of --since and --until "
        "left out, --no-stream shows all that is known: the last megabyte or two.\n\n"
        "Containers have the events create, start, die, stop, kill, restart, rename, pause, "
        "unpause, attach, exec, exec_die, commit and remove, throw-away ones as well; images pull, "
        "tag, untag, save, commit and remove; volumes and networks create and remove. What a "
        "layerbox that was killed left behind dies when the next command finds it.\n\n"
        "JSON is one object a line, and with --no-stream one array: time, type, action, id, name, "
        "and where they say something image, exit_status, oom_killed, signal, old_name, exec_id, "
        "restart_count, labels. Nothing of it is durable: a full disk or a power cut loses "
        "events.");
    line.text("--since", since_, "MOMENT", "from then on: 2026-01-31T12:00:00Z, or 10m ago");
    line.text("--until", until_, "MOMENT", "up to then, and return");
    line.flag("--no-stream", once_, "show what is known, and return");
    filter_.declare(line);
    line.text("--format", format_, "FORMAT", "text or json").choices({"text", "json"});
    line.example("layerbox events --filter event=die", "see containers end");
    line.example("layerbox events --since 1h --no-stream --format json",
                 "what happened in the last hour");
  }

  int run(Invocation& invocation) override {
    filter_.read();
    const std::int64_t now = now_utc().tv_sec;
    if (since_) first_ = utc_text(parse_moment("events: --since", *since_, now));
    if (until_) deadline_ = parse_moment("events: --until", *until_, now);
    if (deadline_) last_ = utc_text(*deadline_ + 1);
    Progress& progress = invocation.progress();
    const Store& store = invocation.swept_store();
    RotatedLines lines(store.root(), layout::kEvents);
    if (once_) {
      show_known(lines, progress);
    } else {
      follow(store.root(), lines, progress);
    }
    return exit_code::kDone;
  }

 private:
  bool json() const { return format_ == "json"; }

  void show_known(RotatedLines& lines, Progress& progress) {
    auto list = nlohmann::ordered_json::array();
    lines.read([&](std::string_view line) {
      const auto event = wanted(line, progress);
      if (!event) return;
      if (json())
        list.push_back(nlohmann::ordered_json::parse(event_line(*event)));
      else
        print(event_text(*event));
    });
    if (json()) print_json(list);
  }

  void follow(FdRef root, RotatedLines& lines, Progress& progress) {
    const LogWatch watch(root);
    try {
      if (!since_ && !until_) lines.read([](std::string_view) {}); // is over
      do
        lines.read([&](std::string_view line) {
          if (const auto event = wanted(line, progress))
            print(json() ? event_line(*event) : event_text(*event));
        });
      while (watch.await(deadline_));
    } catch (const Error& error) {
      if (error.error_number() != EPIPE) throw; // who read it has had enough
    }
  }

  // The event of a line, when it is one that was asked for.
  std::optional<Event> wanted(std::string_view line, Progress& progress) {
    if (line.empty()) return std::nullopt;
    auto event = parse_event(line);
    if (!event) {
      if (!damage_told_)
        progress.warn("the log of events is damaged: what is no event is left out");
      damage_told_ = true;
      return std::nullopt;
    }
    if (event->time < first_ || (!last_.empty() && event->time >= last_)) return std::nullopt;
    if (!filter_.is_meant(*event)) return std::nullopt;
    return event;
  }

  std::optional<std::string> since_;
  std::optional<std::string> until_;
  bool once_ = false;
  EventFilter filter_;
  std::string format_ = "text";

  std::string first_; // times compare as text
  std::string last_;
  std::optional<std::int64_t> deadline_;
  bool damage_told_ = false;
};

} // namespace

std::unique_ptr<Verb> make_events_verb() {
  return std::make_unique<EventsVerb>();
}

} // namespace layerbox
