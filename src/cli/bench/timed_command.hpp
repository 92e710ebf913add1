// timed_command: a program run to its end, with the times that matter, and what the probe in the
// container said.
//
//     Started one({"layerbox", "run", …}, "/proc/self/exe", staging);
//     const Outcome outcome = one.finish();
//     outcome.number("first") - outcome.began_ns
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox::bench {

std::int64_t monotonic_ns();

struct Outcome {
  std::int64_t began_ns = 0; // CLOCK_MONOTONIC
  std::int64_t ended_ns = 0;
  std::map<std::string, std::vector<std::int64_t>> said; // by the first word of its line

  // One of the numbers after `word`. Throws Error(corrupt) when it was not said.
  std::int64_t number(const std::string& word, std::size_t index = 0) const;
};

// What a probe wrote: lines of a word and numbers. Throws Error(corrupt) for anything else.
std::map<std::string, std::vector<std::int64_t>> parse_probe_lines(const std::string& text);

class Started {
 public:
  // Starts `words` (the first is its own name) of the file `program` in `directory`, with an empty
  // input. Throws Error.
  Started(const std::vector<std::string>& words, const std::string& program, FdRef directory);
  // Ends it when it was not waited for.
  ~Started();
  Started(Started&& other) noexcept;
  Started& operator=(Started&&) = delete;

  // Waits for its end. Throws Error, which has the last line of what it wrote to standard error,
  // when it did not end with status 0.
  Outcome finish();
  // The same of what prints something else: its whole output.
  std::string finish_with_text();

 private:
  void wait_for_success(const std::string& name);

  UniqueFd output_;
  UniqueFd errors_;
  pid_t pid_ = -1; // until it was waited for
  std::string name_;
  Outcome outcome_;
};

} // namespace layerbox::bench
