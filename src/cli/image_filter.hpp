// image_filter: which images `images --filter` means.
#pragma once

#include "cli/list_filter.hpp"
#include "store/store.hpp"

namespace layerbox {

class ImageFilter {
 public:
  void declare(CommandLine& line) { filter_.declare(line); }
  // Throws UsageError.
  void read();
  // Those of `images`, with the names that "reference" means. Throws Error: not_found for an image
  // of "before" or "since" that is not there.
  std::vector<ImageRow> chosen(Store& store, std::vector<ImageRow> images) const;

 private:
  bool has_label(Store& store, const ImageRow& image) const;

  ListFilter filter_{"images",
                     {"reference",
                      "label",
                      {"dangling", {"true", "false"}},
                      {"before", "IMAGE"},
                      {"since", "IMAGE"}}};
};

} // namespace layerbox
