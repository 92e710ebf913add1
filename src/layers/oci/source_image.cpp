#include "layers/oci/source_image.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "store/image_ref.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kListedInHint = 8;

std::optional<ImageRef> reference(const std::string& text) {
  try {
    return ImageRef::parse(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool names_position(const SourceImage& image, std::string_view text) {
  if (!text.empty() && text.front() == '@') text.remove_prefix(1);
  return std::any_of(image.positions.begin(), image.positions.end(),
                     [&](std::size_t position) { return std::to_string(position) == text; });
}

bool names_digest(const SourceImage& image, const std::string& text) {
  const auto is = [&](const Digest& digest) {
    return text == digest.str() || text == digest.hex();
  };
  return is(image.config.id) || (image.manifest && is(*image.manifest));
}

bool names_reference(const SourceImage& image, const std::string& text) {
  const auto wanted = reference(text);
  return std::any_of(image.names.begin(), image.names.end(),
                     [&](const std::string& name) {
                       return name == text || (wanted && reference(name) == wanted);
                     }) ||
         std::find(image.tags.begin(), image.tags.end(), text) != image.tags.end();
}

std::string listing(const std::vector<SourceImage>& images) {
  std::string text = "the source has";
  for (std::size_t i = 0; i < images.size() && i < kListedInHint; ++i) {
    text += (i == 0 ? " " : ", ") + std::to_string(images[i].positions.front()) + ": ";
    const SourceImage& image = images[i];
    text += !image.names.empty()  ? printable(image.names[0])
            : !image.tags.empty() ? printable(image.tags[0])
                                  : image.config.id.str();
  }
  if (images.size() > kListedInHint) text += ", …";
  return text;
}

void add_new(std::vector<std::string>& all, std::vector<std::string>& more) {
  for (std::string& text : more)
    if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(std::move(text));
}

} // namespace

void check_layer_count(const ImageConfig& config, std::size_t layer_count) {
  if (config.diff_ids.size() == layer_count) return;
  throw Error(ErrorKind::corrupt, "the manifest lists " + std::to_string(layer_count) +
                                      " layers, image config " + config.id.str() + " " +
                                      std::to_string(config.diff_ids.size()));
}

void merge_image(std::vector<SourceImage>& images, SourceImage image) {
  const auto same = std::find_if(images.begin(), images.end(), [&](const SourceImage& other) {
    return other.config.id == image.config.id && other.manifest == image.manifest;
  });
  if (same == images.end()) {
    images.push_back(std::move(image));
    return;
  }
  add_new(same->names, image.names);
  add_new(same->tags, image.tags);
  same->positions.insert(same->positions.end(), image.positions.begin(), image.positions.end());
}

std::vector<SourceImage> select_images(std::vector<SourceImage> images,
                                       const std::vector<std::string>& select) {
  if (select.empty()) return images;
  std::vector<bool> chosen(images.size(), false);
  for (const std::string& text : select) {
    bool found = false;
    // A reference first: an image may be called "1".
    for (const auto names :
         {names_reference, names_digest, +[](const SourceImage&image, const std::string&position) {
            return names_position(image, position);
          }}) {
      for (std::size_t i = 0; i < images.size() && !found; ++i)
        if (names(images[i], text)) found = chosen[i] = true;
    }
    if (!found)
      throw Error(ErrorKind::not_found, "select '" + printable(text) + "': there is no such image")
          .set_hint(listing(images));
  }
  std::vector<SourceImage> result;
  for (std::size_t i = 0; i < images.size(); ++i)
    if (chosen[i]) result.push_back(std::move(images[i]));
  return result;
}

} // namespace layerbox
