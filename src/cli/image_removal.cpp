#include "cli/image_removal.hpp"

#include <fmt/format.h>

#include "base/rel_path.hpp"
#include "store/event_log.hpp"

namespace layerbox {

ImageEnd remove_image(Store& store, const ImageRow& image) {
  return remove_images(store, {&image, 1}).front();
}

std::vector<ImageEnd> remove_images(Store& store, std::span<const ImageRow> images) {
  const std::vector<bool> gone = store.remove_images(images);
  std::vector<Event> events;
  std::vector<ImageEnd> ends;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const ImageRow& image = images[i];
    for (const std::string& name : image.names)
      events.push_back(named_event("image", "untag", image.id.str(), name));
    if (gone[i])
      events.push_back(named_event("image", "remove", image.id.str(),
                                   image.names.empty() ? "" : image.names.front()));
    ends.push_back(gone[i] ? ImageEnd::deleted : ImageEnd::untagged);
  }
  record_events(store.root(), events);
  return ends;
}

std::string removal_text(const ImageRow& image, ImageEnd end) {
  std::string text;
  for (const std::string& name : image.names)
    text += fmt::format("untagged: {}\n", printable(name));
  if (end == ImageEnd::deleted) text += fmt::format("deleted: {}\n", image.id.str());
  return text;
}

} // namespace layerbox
