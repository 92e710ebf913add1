#include "cli/made_image.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/error_report.hpp"
#include "cli/output.hpp"
#include "store/event_log.hpp"

namespace layerbox {

ImageRef parse_new_name(std::string_view verb, const std::string& text) {
  try {
    ImageRef name = ImageRef::parse(text);
    if (!name.digest) return name;
  } catch (const Error& error) {
    throw UsageError(fmt::format("{}: {}", verb, error.what()));
  }
  throw UsageError(fmt::format("{}: '{}' has a digest; a name has none", verb, text));
}

void tell_made_image(const Store& store, const MadeImage& image, const ImageRef& name,
                     Progress& progress) {
  record_events(store.root(), {named_event("image", "commit", image.id.str(), name.str())});
  if (image.lost_name)
    progress.warn(fmt::format("'{}' was the name of {}, and is now of {}", name.str(),
                              short_id(image.lost_name->hex()), short_id(image.id.hex())));
  print(fmt::format("{}\t{}\n", image.id.str(), name.str()));
}

} // namespace layerbox
