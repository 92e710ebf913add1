// logs: what a container's command wrote while nobody was there.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <deque>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/utc_time.hpp"
#include "cli/find_container.hpp"
#include "cli/log_reader.hpp"
#include "cli/moment.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr int kLookForEndMs = 200;

class LogsVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "What the command wrote to its standard output goes to standard output, what it "
        "wrote to its standard error to standard error. A container that ran in a terminal "
        "of its user has no log.");
    line.operand("CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.flag("-f,--follow", follow_, "go on until the container has ended");
    line.text("-n,--tail", tail_, "N", "the last N lines alone");
    line.text("--since", since_, "MOMENT", "from then on: 2026-01-31T12:00:00Z, or 10m ago");
    line.text("--until", until_, "MOMENT", "up to then");
    line.flag("-t,--timestamps", timestamps_, "begin each line with when it was written");
    line.example("layerbox logs -f --tail 20 web", "the last lines, and all that come");
  }

  int run(Invocation& invocation) override {
    const std::int64_t now = std::time(nullptr);
    if (since_) first_ = utc_text(parse_moment("logs: --since", *since_, now));
    if (until_) last_ = utc_text(parse_moment("logs: --until", *until_, now) + 1);
    if (tail_ && *tail_ != "all") most_ = parse_number(*tail_);
    const Store& store = invocation.store();
    with_context([&] { return fmt::format("the log of container '{}'", reference_); },
                 [&] { show(store, reference_); });
    return exit_code::kDone;
  }

 private:
  void show(const Store& store, const std::string& reference) {
    const std::string id = find_container(list_containers(store), reference).state.id;
    const UniqueFd dir =
        open_beneath(store.root(), RelPath::parse(layout::container_dir(id)), kOpenDir);
    LogReader reader(dir);
    const UniqueFd changes(follow_ ? ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1);
    const std::string watched = fmt::format("/proc/self/fd/{}", dir.get());
    if (follow_ && (!changes || ::inotify_add_watch(changes.get(), watched.c_str(),
                                                    IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0))
      throw_errno(errno, "watching it");
    reader.read([&](const LogEntry& entry) { keep(entry); });
    for (const std::string& line : kept_)
      put_line(line);
    kept_.clear();
    is_tail_ = false;
    while (follow_) {
      const bool ended = !is_held(store, id); // looked at before the last reading
      reader.read([&](const LogEntry& entry) { keep(entry); });
      if (ended) return;
      await_change(changes);
    }
  }

  static bool is_held(const Store& store, const std::string& id) {
    for (const ContainerInfo& container : list_containers(store))
      if (container.state.id == id) return container.held;
    return false;
  }

  static void await_change(FdRef changes) {
    struct pollfd event = {changes.get(), POLLIN, 0};
    if (::poll(&event, 1, kLookForEndMs) <= 0) return;
    std::array<char, 4096> ignored;
    while (::read(changes.get(), ignored.data(), ignored.size()) > 0) {
    }
  }

  void keep(const LogEntry& entry) {
    if (!first_.empty() && entry.time < first_) return;
    if (!last_.empty() && entry.time >= last_) return;
    const bool begins = whole_[index_of(entry.stream)];
    whole_[index_of(entry.stream)] = entry.whole;
    std::string text(1, entry.stream == LogStream::out ? '1' : '2');
    if (timestamps_ && begins) text.append(entry.time).push_back(' ');
    text.append(entry.text);
    if (entry.whole) text.push_back('\n');
    if (!is_tail_ || !most_) {
      put_line(text);
      return;
    }
    if (*most_ == 0) return;
    if (begins)
      kept_.push_back(std::move(text));
    else if (!kept_.empty())
      kept_.back().append(text, 1);
    if (kept_.size() > *most_) kept_.pop_front();
  }

  static std::size_t index_of(LogStream stream) { return stream == LogStream::out ? 0 : 1; }

  // The first byte says whose it is.
  static void put_line(const std::string& line) {
    const std::string_view text = std::string_view(line).substr(1);
    if (line[0] == '1')
      print(text);
    else
      write_all(FdRef(STDERR_FILENO), std::as_bytes(std::span(text)), "standard error");
  }

  std::string reference_;
  bool follow_ = false;
  bool timestamps_ = false;
  std::optional<std::string> tail_;
  std::optional<std::string> since_;
  std::optional<std::string> until_;

  std::string first_; // times compare as text
  std::string last_;
  std::optional<std::uint64_t> most_;
  bool is_tail_ = true; // until what was there is read
  std::array<bool, 2> whole_{true, true};
  std::deque<std::string> kept_;
};

} // namespace

std::unique_ptr<Verb> make_logs_verb() {
  return std::make_unique<LogsVerb>();
}

} // namespace layerbox
