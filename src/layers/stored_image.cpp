#include "layers/stored_image.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace layerbox {

StoredImage find_image(Store& store, std::string_view reference) {
  return read_image(store, store.catalog().resolve_image(reference));
}

StoredImage read_image(Store& store, const Digest& id) {
  const std::optional<ImageRow> row = store.catalog().image(id);
  if (!row)
    throw Error(ErrorKind::not_found, fmt::format("the image {} is not there any more", id.str()));
  return {*row,
          with_context([&] { return fmt::format("the config of image {}", id.str()); },
                       [&] { return parse_image_config(store.read_blob(id, kMaxConfigBytes)); })};
}

} // namespace layerbox
