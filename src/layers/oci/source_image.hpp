// source_image: an image as an archive tells of it, before anything of it is imported: plain data,
// and a function a layer that opens its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/progress.hpp"
#include "layers/oci/image_config.hpp"
#include "layers/oci/source_files.hpp"

namespace layerbox {

struct SourceLayer {
  Digest diff_id;
  // What the bytes of the layer as stored (compressed) must have; nothing when the archive does not
  // say, as in most docker-archives: then the DiffID alone vouches for them.
  std::optional<Digest> blob_digest;
  std::optional<std::uint64_t> blob_size_bytes;
  // Opens the bytes as stored. Throws Error(corrupt) when they are missing.
  std::function<SourceFile()> open;
};

struct SourceImage {
  ImageConfig config;
  std::vector<SourceLayer> layers;    // bottom first, as many as config.diff_ids
  std::vector<std::string> names;     // as the archive writes them
  std::vector<std::string> tags;      // bare ones: to select it by, no names
  std::vector<std::size_t> positions; // numbers of its entries in the archive's list, from 0
  std::optional<Digest> manifest;     // of an OCI layout
};

// Checks that `layer_count` is what the config says. Throws Error(corrupt).
void check_layer_count(const ImageConfig& config, std::size_t layer_count);

// Adds an image, or the names and position of one that is there under the same id.
void merge_image(std::vector<SourceImage>& images, SourceImage image);

// Those of `images` that a text of `select` names: a number of the list ("0", "@0"), a reference,
// a manifest's digest or an image id. All, when nothing is selected. Throws Error(not_found) whose
// hint lists what there is.
std::vector<SourceImage> select_images(std::vector<SourceImage> images,
                                       const std::vector<std::string>& select);

} // namespace layerbox
