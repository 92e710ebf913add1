// run_image: of an image, what a container is made from. This is on the hot path: what was found is
// written down in derived/images/ and holds as long as the store's database is as it was
// (store_moment.hpp), so that a start opens no database, reads no blob and parses no JSON.
//
//     const RangeLock gate = store.gate(LockMode::shared);
//     const RunImage image = find_run_image(store, "debian:12", Remember::yes);
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layers/backend/backend.hpp"
#include "layers/oci/image_config.hpp"
#include "store/store.hpp"

namespace layerbox {

struct RunImage {
  Digest id;
  std::vector<LayerKey> layers; // bottom first
  ImageProcess process;
};

// By name, id or unique beginning of one. Requires the gate, so that the image stays. Throws Error
// as find_image().
RunImage find_run_image(Store& store, const std::string& reference, Remember remember);

// The form in which it is written down, for `reference`; nothing for what was written down for
// another one, or is damaged.
std::string run_image_text(std::string_view reference, const RunImage& image);
std::optional<RunImage> parse_run_image(std::string_view reference, std::string_view text);

} // namespace layerbox
