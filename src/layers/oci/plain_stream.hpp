// plain_stream: the way from bytes as they are stored to the plain tar inside, in one place:
//
//     stored bytes → counted → checked against the blob's digest → decompressed → ratio guarded
//
// so that layers of archives and plain rootfs files are read alike.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/digest.hpp"
#include "base/stream.hpp"
#include "layers/import_limits.hpp"
#include "layers/oci/compression.hpp"
#include "layers/oci/peek_source.hpp"

namespace layerbox {

// What an archive says of the stored bytes.
struct BlobClaim {
  Digest digest;
  std::uint64_t size_bytes = 0;
  Digest diff_id; // of the plain tar; whoever unpacks it checks this one
};

struct PlainStream {
  std::unique_ptr<PeekSource> source;
  Compression compression = Compression::none;
  // Stored bytes read so far. Threads: any.
  std::shared_ptr<std::atomic<std::uint64_t>> stored_bytes;
};

// Reads the first bytes of `stored`. Throws Error(corrupt) when what is inside the compression is
// compressed again. Reading the result throws what checked_source.hpp and compression.hpp say, and
// Error(limit_exceeded) past limits.max_ratio. With a claim, whoever reads to the end has verified
// it; a plain layer whose digest is its DiffID is not hashed here, as its reader does that anyway.
PlainStream open_plain(std::unique_ptr<Source> stored, const ImportLimits& limits,
                       const std::optional<BlobClaim>& claim = std::nullopt);

} // namespace layerbox
