#include "cli/image_filter.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "cli/units.hpp"
#include "layers/stored_image.hpp"

namespace layerbox {
namespace {

bool fits(const std::string& pattern, const std::string& text) {
  return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
}

// When the image of this name was created.
std::int64_t creation_of(const Catalog& catalog, const std::string& reference) {
  const auto image = catalog.image(catalog.resolve_image(reference));
  return image ? parse_rfc3339(image->created) : -1;
}

} // namespace

void ImageFilter::read() {
  filter_.read();
}

bool ImageFilter::has_label(Store& store, const ImageRow& image) const {
  if (!filter_.has("label")) return true;
  try {
    return filter_.label(read_image(store, image.id).config.process.labels);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return false; // just removed
    throw;
  }
}

std::vector<ImageRow> ImageFilter::chosen(Store& store, std::vector<ImageRow> images) const {
  std::optional<std::int64_t> before, since;
  for (const std::string& reference : filter_.values("before"))
    before = std::max(before.value_or(-1), creation_of(store.catalog(), reference));
  for (const std::string& reference : filter_.values("since")) {
    const std::int64_t created = creation_of(store.catalog(), reference);
    since = std::min(since.value_or(created), created);
  }
  std::vector<ImageRow> list;
  for (ImageRow& image : images) {
    const std::int64_t created = parse_rfc3339(image.created);
    if ((before && created >= *before) || (since && created <= *since)) continue;
    const bool has_names = !image.names.empty();
    if (!filter_.any("dangling",
                     [&](const std::string& word) { return (word == "true") != has_names; }))
      continue;
    std::erase_if(image.names, [&](const std::string& name) {
      return !filter_.any("reference", [&](const std::string& pattern) {
        return fits(pattern, name) || fits(pattern, name.substr(0, name.rfind(':')));
      });
    });
    if (filter_.has("reference") && image.names.empty()) continue;
    if (has_label(store, image)) list.push_back(std::move(image));
  }
  return list;
}

} // namespace layerbox
