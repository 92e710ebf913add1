// blob_store: immutable bytes under their sha256, in blobs/sha256/<hex>, mode 0444.
// See Store, whose members these are; `root` is the store's directory.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

bool has_blob(FdRef root, const Digest& digest);
// Verified before it is visible, durable when this returns. What is there under the digest already
// is replaced, so that a damaged blob is healed. Throws Error; kind corrupt for other content.
void put_blob(FdRef root, const Digest& digest, std::string_view content);
// Throws Error; kind not_found, corrupt for damaged content, limit_exceeded past `max_bytes`.
std::string read_blob(FdRef root, const Digest& digest, std::size_t max_bytes);

} // namespace layerbox
