// progress: how long work tells how far it is, without knowing who listens. The library reports;
// the command line draws bars on a terminal, or plain lines, or nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace layerbox {

class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  virtual ~Progress() = default;

  // A piece of work begins ("layer sha256:ab… 2/4"); total in bytes, 0 when it is not known.
  virtual void begin(std::string_view what, std::uint64_t total_bytes) = 0;
  // Bytes done since `begin`. Threads: any one thread at a time; cheap enough for every block.
  virtual void advance(std::uint64_t done_bytes) = 0;
  virtual void end() = 0;
  // Something the user should know that is not a failure; one line, no newline.
  virtual void warn(std::string_view message) = 0;
  // A plain fact about what was done ("already there"); shown without --quiet.
  virtual void note(std::string_view message) = 0;
};

// Listens to nothing.
class NoProgress : public Progress {
 public:
  void begin(std::string_view, std::uint64_t) override {}
  void advance(std::uint64_t) override {}
  void end() override {}
  void warn(std::string_view) override {}
  void note(std::string_view) override {}
};

} // namespace layerbox
