// image_use: when an image was last used, for who removes those that are not.
//
//     note_image_use(store.root(), id);                      // a container of it is started
//     const std::int64_t then = last_image_use_ns(store.root(), id);
//
// The time of the last write of its config's blob says it: the blob is verified by its digest, so
// that its times are free. Making the blob is the first use. Nothing is synced: a power cut may
// lose the last uses, never an image.
#pragma once

#include <cstdint>

#include "base/digest.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// One system call, as a start pays for it. Never throws: what cannot be noted is no use.
void note_image_use(FdRef root, const Digest& id) noexcept;
// Units: nanoseconds since 1970; 0 when the blob is not there. Throws Error.
std::int64_t last_image_use_ns(FdRef root, const Digest& id);

} // namespace layerbox
