// open_source: finds out what the source of an import is, and opens it so that it is read once.
//
// A plain file is read where it lies. A compressed or piped image archive is spooled, decompressed,
// into a file without a name in the staging directory, because its manifest may come last. A rootfs
// streams straight through: it is told from an archive by its first member
// (may_begin_image_archive), and only when that may begin an archive, and neither a manifest nor
// any other part of an image is found in the end, is the spool a rootfs.
//
// All that is decompressed and parsed is so by the unpacker (unpacker.hpp), which tells an
// archive's index. What it reads of a pipe to find out that it is a rootfs, it hands back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/progress.hpp"
#include "base/unique_fd.hpp"
#include "layers/import_image.hpp"
#include "layers/oci/source_files.hpp"

namespace layerbox {

struct OpenedSource {
  std::string label;                    // for messages and progress
  SourceType type = SourceType::rootfs; // never automatic
  std::unique_ptr<SourceFiles> files;   // archives
  SourceFile tar;                       // rootfs: as it is stored, to be read once
  std::uint64_t stored_bytes = 0;       // rootfs: size of the source, 0 when it is not known
  // rootfs: opens the stored bytes once more; nothing when they can be read only once.
  std::function<SourceFile()> again;
  // rootfs: stored bytes that were read before the tar was spooled; 0 when it was not.
  std::uint64_t spooled_from_bytes = 0;

  std::shared_ptr<UniqueFd> fd; // what `tar` and `again` read
};

// `source` is a path, or "-" for standard input. Throws Error.
OpenedSource open_source(const std::string& source, SourceType type, FdRef staging,
                         const ImportLimits& limits, Progress& progress);

} // namespace layerbox
