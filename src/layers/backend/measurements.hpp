// measurements: how long a container takes on each backend, as `bench` measured it here, for
// `--backend auto`.
//
//     layerbox measured 1
//     kernel 6.1.0-13-amd64
//     filesystem ef53                        of the store, statfs(2) f_type in hex
//     date 1795876000                        unix seconds
//     image <64 hex>                         that was measured
//     overlay 12345                          microseconds from start to end, the median
//     copy 512000
//
// Every start may read it, so it is small and costs one failed open where it is not there. It only
// chooses among what works: what is wrong with it costs time and breaks nothing. So whatever is not
// exactly this is ignored, with a reason for `info`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layers/backend/backend.hpp"
#include "store/store.hpp"

namespace layerbox {

struct MeasuredBackend {
  std::string name;
  std::uint64_t start_to_end_us = 0;
  friend bool operator==(const MeasuredBackend&, const MeasuredBackend&) = default;
};

struct Measurements {
  std::string kernel; // release, as uname(2) says it
  std::uint64_t file_system = 0;
  std::int64_t date = 0; // unix seconds
  Digest image;
  std::vector<MeasuredBackend> backends; // in no order

  std::optional<std::uint64_t> of(std::string_view backend) const;
  friend bool operator==(const Measurements&, const Measurements&) = default;
};

inline constexpr std::size_t kMaxMeasurementsBytes = 4096;

std::string measurements_text(const Measurements& measured);
// Nothing for what measurements_text() cannot have written.
std::optional<Measurements> parse_measurements(std::string_view text);

struct Evidence {
  std::optional<Measurements> measured; // of this kernel and this file system
  std::string ignored;                  // why there are none although there is a file
};

// Never throws: see above.
Evidence read_measurements(const Store& store);
// Puts them in place of what was there; not durable. `staging` is of the same store. Throws Error.
void write_measurements(const Store& store, const Staging& staging, const Measurements& measured);
// Of the kernel that runs and the store's file system, with nothing measured yet. Throws Error.
Measurements measurements_from_here(const Store& store);

// All backends, those first that are to be tried first: the measured ones, the fastest first, then
// the others as they stand in the table.
std::vector<const BackendEntry*> by_preference(std::span<const BackendEntry> table,
                                               const Evidence& evidence);

} // namespace layerbox
