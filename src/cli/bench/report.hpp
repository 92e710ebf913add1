// report: what bench found out, as plain data, and what it advises.
//
//     Contender overlay{"overlay", Kind::backend};
//     overlay[Metric::start_to_end] = spread_of({5'100'000, 4'900'000, 9'300'000});
//     …
//     advise({overlay, copy}, large_file)     overlay, and why
//
// Everything here is a function over data; who measures is measure.hpp and peers.hpp, who shows it
// is table.hpp, page.hpp and document.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace layerbox::bench {

enum class Metric : std::uint8_t {
  prepare,           // the backend makes a root file system
  first_instruction, // from starting `layerbox run` to the command's first instruction
  start_to_end,      // of the same, the removal of all that it made included
  write_small,       // one byte into a file of some KiB that the image has, in the container
  write_large,       // the same, into the largest one
  walk,              // looking at all names of the root file system, in the container
  teardown,          // the backend removes what `prepare` made
  parallel_start,    // a container, when several start at once
  disk,              // what a container takes before it writes anything
};
inline constexpr std::size_t kMetrics = 9;

enum class Unit : std::uint8_t { ns, bytes };

struct MetricWords {
  Metric metric;
  const char* field; // in JSON, with its unit
  const char* title;
  Unit unit;
};
// All, in the order in which they are shown.
const std::array<MetricWords, kMetrics>& metric_words();

// Of what was measured several times.
struct Spread {
  std::size_t runs = 0; // 0: not measured
  std::int64_t lowest = 0, median = 0, highest = 0;
};
// The median of an even number is the mean of the two in the middle.
Spread spread_of(std::vector<std::int64_t> values);

enum class Kind : std::uint8_t { backend, peer };

// Who is measured: a backend, or another program on this machine.
struct Contender {
  std::string name;
  Kind kind = Kind::backend;
  std::string left_out = {}; // why it was not measured; "" when it was
  std::vector<std::string> notes = {};
  std::uint64_t entries = 0; // names that it saw in the root file system
  std::array<Spread, kMetrics> spreads = {};

  Spread& operator[](Metric metric) { return spreads.at(static_cast<std::size_t>(metric)); }
  const Spread& operator[](Metric metric) const {
    return spreads.at(static_cast<std::size_t>(metric));
  }
};

struct ChosenFile {
  std::string path; // absolute, in the image
  std::uint64_t size_bytes = 0;
};

struct Advice {
  std::string backend; // "" when nothing was measured
  std::string reason;  // sentences
};

struct Report {
  std::string image_name;
  std::string image_id; // sha256:…
  std::uint64_t image_bytes = 0;
  std::size_t layers = 0;
  std::uint64_t entries = 0; // names in its root file system
  std::optional<ChosenFile> small, large;
  std::string kernel, file_system;
  std::uint32_t runs = 0, parallel = 0;
  std::vector<Contender> contenders; // in the order of the table of backends, then the peers
  Advice advice;
  bool kept_for_auto = false;
  std::string kept_reason; // and what `--backend auto` makes of it
};

// Which backend to take: the one with the shortest time from start to end; of equals the first.
// What speaks against it is said where another is better by far.
Advice advise(std::span<const Contender> contenders, const std::optional<ChosenFile>& large);

// "12.3 ms", "840 µs", "1.20 s"; "120 MB".
std::string human_value(std::int64_t value, Unit unit);

} // namespace layerbox::bench
