#include "cli/made_image.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/error_report.hpp"
#include "cli/output.hpp"

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

void print_made_image(const MadeImage& image, const ImageRef& name, Progress& progress) {
  if (image.lost_name)
    progress.warn(fmt::format("'{}' was the name of {}, and is now of {}", name.str(),
                              short_id(image.lost_name->hex()), short_id(image.id.hex())));
  print(fmt::format("{}\t{}\n", image.id.str(), name.str()));
}

} // namespace layerbox
