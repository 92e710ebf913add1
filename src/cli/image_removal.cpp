#include "cli/image_removal.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/rel_path.hpp"
#include "store/event_log.hpp"

namespace layerbox {

ImageEnd remove_image(Store& store, const ImageRow& image) {
  const bool gone = store.remove_image(image);
  std::vector<Event> events;
  for (const std::string& name : image.names)
    events.push_back(named_event("image", "untag", image.id.str(), name));
  if (gone)
    events.push_back(named_event("image", "remove", image.id.str(),
                                 image.names.empty() ? "" : image.names.front()));
  record_events(store.root(), events);
  return gone ? ImageEnd::deleted : ImageEnd::untagged;
}

std::string removal_text(const ImageRow& image, ImageEnd end) {
  std::string text;
  for (const std::string& name : image.names)
    text += fmt::format("untagged: {}\n", printable(name));
  if (end == ImageEnd::deleted) text += fmt::format("deleted: {}\n", image.id.str());
  return text;
}

} // namespace layerbox
