// docker_archive: the images of what `docker save`, `podman save`, `skopeo copy docker-archive:`
// and builders write: manifest.json lists, for each image, its config, tags and layers by member
// name.
//
//     <hex>.json  <hex>.tar  manifest.json  repositories        podman, skopeo, buildah
//     <id>/layer.tar  <id>/json  <hex>.json  manifest.json       docker before 25; layers may be
//     symlinks blobs/sha256/<hex>  index.json  manifest.json              docker from 25 on: an OCI
//     layout too
//
// Each config must have the digest that its name claims, and each layer under blobs/sha256/ too;
// all layers are vouched for by their DiffIDs. Source: moby image/spec v1.2.
#pragma once

#include <vector>

#include "layers/import_limits.hpp"
#include "layers/oci/source_image.hpp"

namespace layerbox {

// Whether there is a manifest.json.
bool is_docker_archive(const SourceFiles& files);
// `files` outlives the result. Throws Error(corrupt), Error(limit_exceeded).
std::vector<SourceImage> docker_archive_images(const SourceFiles& files,
                                               const ImportLimits& limits);

} // namespace layerbox
