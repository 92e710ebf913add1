// terminal_progress: how far long work is, for a person.
//
//     layer 2/4 sha256:3b41…  [=========>        ]  45%  210 MB / 466 MB  180 MB/s  eta 1s
//
// On a terminal one line is redrawn in place, at most ten times a second, and wiped at the end.
// Otherwise there are no bars: notes and warnings are plain lines. Quiet keeps the warnings alone.
// The cursor is never hidden, so a killed layerbox leaves the terminal as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/progress.hpp"
#include "base/stream.hpp"

namespace layerbox {

struct ProgressStyle {
  bool bars = false;   // the output is a terminal
  bool quiet = false;  // warnings alone
  bool colour = false; // warnings in yellow
};

class TerminalProgress : public Progress {
 public:
  // `columns` tells the terminal's width at this moment, `now_ms` a clock that only goes forward.
  TerminalProgress(Sink& out, ProgressStyle style, std::function<std::size_t()> columns,
                   std::function<std::int64_t()> now_ms);
  ~TerminalProgress() override;

  void begin(std::string_view what, std::uint64_t total_bytes) override;
  void advance(std::uint64_t done_bytes) override;
  void end() override;
  void warn(std::string_view message) override;
  void note(std::string_view message) override;

 private:
  void draw();
  void wipe();
  void line(std::string_view text);
  void put(std::string_view text) noexcept;

  Sink& out_;
  ProgressStyle style_;
  std::function<std::size_t()> columns_;
  std::function<std::int64_t()> now_ms_;
  std::string what_;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
  std::int64_t began_ms_ = 0;
  std::int64_t drawn_ms_ = 0;
  bool visible_ = false;
};

// One line of progress that fills at most `columns` columns; `what` is cut when there is no room.
std::string progress_line(std::string_view what, std::uint64_t done_bytes,
                          std::uint64_t total_bytes, std::int64_t elapsed_ms, std::size_t columns);

// Onto standard error, as it is found.
std::unique_ptr<Progress> make_terminal_progress(bool quiet);

} // namespace layerbox
