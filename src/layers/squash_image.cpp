#include "layers/squash_image.hpp"

#include <fmt/format.h>

#include "layers/view/tell_view.hpp"

namespace layerbox {

MadeImage squash_image(Store& store, const Staging& staging, const StoredImage& image,
                       const ImageRef& name, Progress& progress) {
  const RootfsView view = view_of(store, image.row.layers, Records::read);
  DerivedImage squashed;
  squashed.title = "all layers as one";
  squashed.tell = [&](TreeSink& sink) { tell_view(view, store.identity(), sink); };
  squashed.name = name;
  squashed.child.earlier_layers_gone = true;
  squashed.child.step.created = image.config.created;
  squashed.child.step.created_by = "layerbox squash";
  squashed.child.step.comment =
      fmt::format("{} layers of {} as one", image.row.layers.size(), image.row.id.str());
  return make_derived_image(store, staging, image, std::move(squashed), progress);
}

} // namespace layerbox
