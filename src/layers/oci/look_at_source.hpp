// look_at_source: the unpacker reads as much of a source as it takes to know what it is, and all of
// an archive's index.
//
//     SourceAnswer answer = look_at_source({type, label, input, size, spool}, dir, limits,
//     progress); if (answer.is_archive) … answer.index … answer.is_spooled ? spool : input …
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "base/unique_fd.hpp"
#include "layers/import_image.hpp"
#include "layers/import_limits.hpp"
#include "layers/oci/archive_index.hpp"

namespace layerbox {

// What is asked of the unpacker.
struct SourceQuestion {
  SourceType type;
  const std::string& label;
  FdRef input;
  std::optional<std::uint64_t> size_bytes; // of a file that is read from its start; else it streams
  FdRef spool;                             // for a plain copy of what is no plain file
};

// What it found out.
struct SourceAnswer {
  std::vector<std::byte> ahead; // of a stream: what was read of it
  bool is_archive = false;
  bool is_spooled = false;
  std::uint64_t stored_bytes = 0; // that were read to spool it
  ArchiveIndex index;
};

// Has the unpacker, in the directory `dir`, look. Throws Error as reading and in_unpacker() do.
SourceAnswer look_at_source(const SourceQuestion& question, FdRef dir, const ImportLimits& limits,
                            Progress& progress);

} // namespace layerbox
