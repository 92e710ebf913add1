#include "cli/terminal_progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/rel_path.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

constexpr std::int64_t kRedrawMs = 100;
// Rates of the first moments say nothing.
constexpr std::int64_t kRateAfterMs = 500;
constexpr std::size_t kLeastBarColumns = 10;
constexpr std::size_t kMostBarColumns = 30;
constexpr std::size_t kLeastNameColumns = 8;

std::string bar(std::uint64_t done, std::uint64_t total, std::size_t columns) {
  const std::size_t inner = columns - 2;
  const double part = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(inner));
  std::string text(std::min(filled, inner), '=');
  if (text.size() < inner) text += '>';
  text.resize(inner, ' ');
  return '[' + text + ']';
}

// What stands right of the bar.
std::string numbers(std::uint64_t done, std::uint64_t total, std::int64_t elapsed_ms) {
  std::string text;
  if (total > 0) {
    const double percent = 100.0 * static_cast<double>(done) / static_cast<double>(total);
    text = fmt::format("{:3.0f}%  {} / {}", percent, human_size(done), human_size(total));
  } else {
    text = human_size(done);
  }
  if (elapsed_ms < kRateAfterMs || done == 0) return text;
  const double rate = static_cast<double>(done) * 1000 / static_cast<double>(elapsed_ms);
  text += fmt::format("  {}/s", human_size(static_cast<std::uint64_t>(rate)));
  if (total > done) text += fmt::format("  eta {:.0f}s", static_cast<double>(total - done) / rate);
  return text;
}

class StandardErrorSink : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    write_all(FdRef(STDERR_FILENO), data, "standard error");
  }
};

// The progress with the sink it writes to.
class StandardErrorProgress : private StandardErrorSink, public TerminalProgress {
 public:
  explicit StandardErrorProgress(ProgressStyle style)
      : TerminalProgress(*static_cast<StandardErrorSink*>(this), style, terminal_columns, [] {
          using namespace std::chrono;
          return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
        }) {}
};

} // namespace

std::string progress_line(std::string_view what, std::uint64_t done_bytes,
                          std::uint64_t total_bytes, std::int64_t elapsed_ms, std::size_t columns) {
  const std::uint64_t done = total_bytes > 0 ? std::min(done_bytes, total_bytes) : done_bytes;
  const std::string right = numbers(done, total_bytes, elapsed_ms);
  std::string left(what);
  const std::size_t taken = right.size() + kLeastBarColumns + 4;
  if (total_bytes > 0 && columns >= taken + kLeastNameColumns) {
    // A long name gives way to the bar.
    if (width_of(left) > columns - taken) left = fitted(left, columns - taken - 1) + "…";
    const std::size_t space = columns - width_of(left) - right.size() - 4;
    left += "  " + bar(done, total_bytes, std::min(space, kMostBarColumns));
  }
  return fitted(left + "  " + right, columns);
}

TerminalProgress::TerminalProgress(Sink& out, ProgressStyle style,
                                   std::function<std::size_t()> columns,
                                   std::function<std::int64_t()> now_ms)
    : out_(out), style_(style), columns_(std::move(columns)), now_ms_(std::move(now_ms)) {
  style_.bars = style_.bars && !style_.quiet;
}

TerminalProgress::~TerminalProgress() {
  wipe();
}

void TerminalProgress::begin(std::string_view what, std::uint64_t total_bytes) {
  what_ = printable(what);
  total_bytes_ = total_bytes;
  done_bytes_ = 0;
  if (!style_.bars) return;
  began_ms_ = now_ms_();
  draw();
}

void TerminalProgress::advance(std::uint64_t done_bytes) {
  done_bytes_ = done_bytes;
  if (style_.bars && now_ms_() - drawn_ms_ >= kRedrawMs) draw();
}

void TerminalProgress::end() {
  wipe();
}

void TerminalProgress::warn(std::string_view message) {
  const std::string label = style_.colour ? "\x1b[33mwarning\x1b[0m" : "warning";
  line(fmt::format("layerbox: {}: {}\n", label, printable(message)));
}

void TerminalProgress::note(std::string_view message) {
  if (!style_.quiet) line(printable(message) + '\n');
}

void TerminalProgress::draw() {
  drawn_ms_ = now_ms_();
  // The last column stays empty: some terminals wrap when it is written.
  const std::size_t columns = std::max<std::size_t>(columns_(), 2) - 1;
  put("\r" + progress_line(what_, done_bytes_, total_bytes_, drawn_ms_ - began_ms_, columns) +
      "\x1b[K");
  visible_ = true;
}

void TerminalProgress::wipe() {
  if (visible_) put("\r\x1b[K");
  visible_ = false;
}

// A line of its own; a bar that stood there comes back below it.
void TerminalProgress::line(std::string_view text) {
  const bool was_visible = visible_;
  wipe();
  put(text);
  if (was_visible) draw();
}

// A terminal that went away is no reason to fail the work.
void TerminalProgress::put(std::string_view text) noexcept {
  try {
    out_.write(std::as_bytes(std::span(text)));
  } catch (...) {
    style_.bars = false;
  }
}

std::unique_ptr<Progress> make_terminal_progress(bool quiet) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return std::make_unique<StandardErrorProgress>(
      ProgressStyle{terminal, quiet, terminal && colours_wanted()});
}

} // namespace layerbox
