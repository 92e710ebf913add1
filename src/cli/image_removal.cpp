#include "cli/image_removal.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/rel_path.hpp"
#include "store/event_log.hpp"

namespace layerbox {

void remove_image(Store& store, const ImageRow& image) {
  store.remove_image(image.id);
  std::vector<Event> events;
  for (const std::string& name : image.names)
    events.push_back(named_event("image", "untag", image.id.str(), name));
  events.push_back(named_event("image", "remove", image.id.str(),
                               image.names.empty() ? "" : image.names.front()));
  record_events(store.root(), events);
}

std::string removal_text(const ImageRow& image) {
  std::string text;
  for (const std::string& name : image.names)
    text += fmt::format("untagged: {}\n", printable(name));
  return text + fmt::format("deleted: {}\n", image.id.str());
}

} // namespace layerbox
