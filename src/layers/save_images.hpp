// save_images: images as an archive that docker, podman, skopeo and layerbox itself load.
//
//     docker_archive   <hex>.json  <hex>.tar …  manifest.json
//     oci              oci-layout  blobs/sha256/<hex> …  index.json
//
// Config and layers go out as they came in: the config's bytes are the image's id, and each layer's
// tar is rebuilt from its record, so that ids and DiffIDs are the same on the other side. The same
// images give the same archive. A layer that several images have is in it once.
//
// Source: moby image/spec v1.2; OCI image-spec image-layout.md, manifest.md, annotations.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "layers/oci/compression.hpp"
#include "layers/stored_image.hpp"

namespace layerbox {

enum class ArchiveType : std::uint8_t { docker_archive, oci };

struct SavedImage {
  StoredImage image;
  std::vector<std::string> names; // NAME:TAG, to be given to it again; may be none
};

struct SaveOptions {
  ArchiveType type = ArchiveType::docker_archive;
  // gzip, zstd or none: of a docker-archive as a whole, of each layer of an OCI layout.
  Compression compression = Compression::none;
};

// Requires that `staging` was made before the catalog was looked at; compressed layers lie there
// for a while. Each image comes once. Throws Error; corrupt for a layer that is damaged: then `out`
// has a part of the archive.
void save_images(Store& store, const Staging& staging, std::span<const SavedImage> images,
                 const SaveOptions& options, Sink& out);

} // namespace layerbox
