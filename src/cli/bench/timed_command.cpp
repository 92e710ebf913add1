#include "cli/bench/timed_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/call_in_process.hpp"
#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace layerbox::bench {
namespace {

constexpr std::size_t kMaxOutputBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxShownBytes = 500;

[[noreturn]] void refuse_line(std::string_view line) {
  throw Error(ErrorKind::corrupt, fmt::format("the command in the container said '{}'",
                                              printable(line.substr(0, kMaxShownBytes))));
}

std::vector<std::int64_t> numbers_of(std::string_view line, std::string_view rest) {
  std::vector<std::int64_t> numbers;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view digits = rest.substr(0, rest.find(' '));
    std::int64_t number = 0;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (problem != std::errc{} || end != digits.data() + digits.size()) refuse_line(line);
    numbers.push_back(number);
    rest.remove_prefix(digits.size());
  }
  return numbers;
}

// The last line that says something, without layerbox's own "layerbox: error: ".
std::string last_words(std::string text) {
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  if (const std::size_t hint = text.rfind("\nhint: "); hint != std::string::npos) text.resize(hint);
  text.erase(0, text.rfind('\n') + 1);
  constexpr std::string_view kPrefix = "layerbox: error: ";
  if (text.starts_with(kPrefix)) text.erase(0, kPrefix.size());
  return printable(text.substr(0, kMaxShownBytes));
}

class SpawnActions {
 public:
  SpawnActions() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none; // where it is started from, all may be blocked
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  posix_spawn_file_actions_t* actions() { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

} // namespace

std::int64_t monotonic_ns() {
  constexpr std::int64_t kSecond = 1'000'000'000;
  struct timespec time {};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

std::map<std::string, std::vector<std::int64_t>> parse_probe_lines(const std::string& text) {
  std::map<std::string, std::vector<std::int64_t>> said;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) refuse_line(line);
    said[std::string(line.substr(0, space))] = numbers_of(line, line.substr(space));
    at = end + 1;
  }
  return said;
}

std::int64_t Outcome::number(const std::string& word, std::size_t index) const {
  const auto line = said.find(word);
  if (line != said.end() && index < line->second.size()) return line->second[index];
  throw Error(ErrorKind::corrupt,
              fmt::format("the command in the container did not say '{}'", word));
}

Started::Started(const std::vector<std::string>& words, const std::string& program, FdRef directory)
    : name_(words.front()) {
  Pipe output = make_pipe();
  errors_ =
      UniqueFd(::memfd_create("errors", MFD_CLOEXEC)); // as long as it likes, and nobody waits
  if (!errors_) throw_errno(errno, "make a file for what it says");
  SpawnActions how;
  ::posix_spawn_file_actions_addfchdir_np(how.actions(), directory.get());
  ::posix_spawn_file_actions_addopen(how.actions(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(how.actions(), output.write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(how.actions(), errors_.get(), STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : words)
    argv.push_back(
        const_cast<char*>(word.c_str())); // NOLINT(cppcoreguidelines-pro-type-const-cast)
  argv.push_back(nullptr);
  outcome_.began_ns = monotonic_ns();
  if (const int why = ::posix_spawn(&pid_, program.c_str(), how.actions(), how.attributes(),
                                    argv.data(), environ);
      why != 0)
    throw_errno(why, fmt::format("starting '{}'", program));
  output_ = std::move(output.read);
}

Started::Started(Started&& other) noexcept
    : output_(std::move(other.output_)), errors_(std::move(other.errors_)),
      pid_(std::exchange(other.pid_, -1)), name_(std::move(other.name_)),
      outcome_(std::move(other.outcome_)) {}

Started::~Started() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Outcome Started::finish() {
  outcome_.said = parse_probe_lines(finish_with_text());
  return std::move(outcome_);
}

std::string Started::finish_with_text() {
  FdSource output(output_, "the output of " + name_);
  std::string text = read_all(output, kMaxOutputBytes, "the output of " + name_);
  wait_for_success(name_);
  return text;
}

void Started::wait_for_success(const std::string& name) {
  const int status = wait_for_child(std::exchange(pid_, -1));
  outcome_.ended_ns = monotonic_ns();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  std::string text(kMaxOutputBytes, '\0');
  const ssize_t size = ::pread(errors_.get(), text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string words = last_words(std::move(text));
  if (!words.empty()) throw Error(ErrorKind::system, fmt::format("{}: {}", name, words));
  throw Error(ErrorKind::system,
              WIFSIGNALED(status)
                  ? fmt::format("{}: signal {} ended it", name, WTERMSIG(status))
                  : fmt::format("{}: it ended with status {}", name, WEXITSTATUS(status)));
}

} // namespace layerbox::bench
