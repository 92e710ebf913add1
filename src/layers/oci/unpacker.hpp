// unpacker: what an archive holds is read, and a layer's tree is written, by a process of its own
// that gives up everything else before it reads the first byte (confinement.hpp).
//
//     in_unpacker(dir, {fd}, progress, [&](const Tell& tell) { tell(parsed(fd)); },
//                 [&](std::string_view said) { … });
//
// It has `dir`, which becomes its root, and the descriptors that are named; of the store it has no
// more. Who takes it over decides what the one layer holds that is being unpacked, and nothing
// else: what it says is read as one reads an archive.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/call_in_process.hpp"
#include "base/progress.hpp"
#include "base/userns.hpp"
#include "layers/import_limits.hpp"
#include "layers/oci/plain_stream.hpp"
#include "layers/oci/source_files.hpp"
#include "layers/tar/unpack_layer.hpp"

namespace layerbox {

using Tell = WorkInProcess::Tell;
using Hear = WorkInProcess::Hear;

// Runs `work` in the unpacker and waits for it; `begun` is called once it is there. Where a wall is
// missing, it says so in a warning, once a process. Of `fds`, -1 is none. Rethrows what `work`
// threw. Throws Error(system) when it was killed, Error(limit_exceeded) when it needs more than
// kConfinedMemoryBytes. Threads of the caller: none that holds a lock which `work` takes.
void in_unpacker(FdRef dir, std::vector<int> fds, Progress& progress,
                 const std::function<void(const Tell&)>& work, const Hear& hear,
                 const std::function<void()>& begun = nullptr);

// The bytes of a layer as they are stored.
struct StoredLayer {
  SourceFile file;
  std::optional<BlobClaim> claim = std::nullopt;
  std::function<void()> begun = nullptr; // as above
};

struct ConfinedLayer {
  UnpackedLayer layer;
  std::uint64_t stored_bytes = 0; // that were read
};

// How far it is: bytes of the plain tar, stored bytes.
using HowFar = std::function<void(std::uint64_t tar_bytes, std::uint64_t stored_bytes)>;

// Unpacks a layer into the empty directory `layer`, as unpack_layer() does. `told` hears how far it
// is, `progress` warnings alone.
ConfinedLayer unpack_confined(StoredLayer stored, FdRef layer, const ImportLimits& limits,
                              const Identity& who, Progress& progress, const HowFar& told);

// The DiffID of what `file` holds; `dir` as above. `progress` is advanced.
Digest diff_id_confined(SourceFile file, FdRef dir, const ImportLimits& limits, Progress& progress);

} // namespace layerbox
