// reading_container: a container whose files are read as they are at one moment: held, when it does
// not run, and held still, when it does.
#pragma once

#include <optional>
#include <string>

#include "base/progress.hpp"
#include "cli/still_container.hpp"
#include "layers/container_view.hpp"

namespace layerbox {

enum class Pausing : bool { unwanted, wanted };

class ReadingContainer {
 public:
  // Warns when it runs and cannot be held still. Throws Error(not_found) whose hint lists the
  // nearest ones, and what ContainerView::open throws.
  ReadingContainer(const Store& store, const std::string& reference, Records records,
                   Pausing pausing, Progress& progress);

  const ContainerView& view() const { return *view_; }

 private:
  std::optional<Stillness> still_;
  std::optional<ContainerView> view_;
};

} // namespace layerbox
