// measure: each backend, again and again, in turn, so that a noisy neighbour disturbs them alike.
//
// A round of one backend: a container is prepared and discarded in this process; `layerbox run`
// starts one that does nothing but say when it began; another one writes and looks around. In the
// first rounds also: what a prepared container takes of the file system, and several starts at
// once. A round that comes before the first is not counted: it fills the caches.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "cli/bench/report.hpp"
#include "cli/bench/subject.hpp"
#include "cli/bench/timed_command.hpp"
#include "layers/backend/backend.hpp"
#include "store/store.hpp"

namespace layerbox::bench {

// What waits for the disk, or starts many, is done in so many rounds: a few of them say enough.
inline constexpr std::uint32_t kCostlyRounds = 3;

struct Wish {
  std::uint32_t runs = 0;
  std::uint32_t parallel = 0;
};

// The probe as a file that nobody can name in an image, in a directory of the store that goes with
// `staging`.
struct PlacedProbe {
  FdRef directory;
  std::string directory_path;
  std::string file;   // its name in there
  std::string inside; // where containers have it
};
PlacedProbe place_probe(const Store& store, const Staging& staging);

// Somebody whose turn it is once a round.
class Turn {
 public:
  Turn() = default;
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  virtual ~Turn() = default;
  // Round 0 is not counted. Throws Error.
  virtual void take(std::uint32_t round) = 0;
  // What came out of it.
  virtual Contender result() const = 0;
};

// One backend, which works.
std::unique_ptr<Turn> backend_turn(Store& store, const BackendEntry& entry, const Subject& subject,
                                   const PlacedProbe& probe, const Wish& wish);

// Values of one contender, as they come.
class Samples {
 public:
  explicit Samples(Contender contender) : contender_(std::move(contender)) {}
  void add(Metric metric, std::uint32_t round, std::int64_t value);
  // Of one that was started alone, and of `count` that are started at once by `start`.
  void add_start(std::uint32_t round, const Outcome& outcome);
  void add_parallel_starts(std::uint32_t round, std::uint32_t count,
                           const std::function<Started()>& start); // Throws Error
  void note(std::string text);                                     // once, however often it is said
  Contender result() const;

 private:
  Contender contender_;
  std::array<std::vector<std::int64_t>, kMetrics> values_;
};

} // namespace layerbox::bench
