#include "layers/commit_container.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "layers/view/compare_views.hpp"

namespace layerbox {
namespace {

StoredImage image_of(Store& store, const ContainerState& state) {
  if (!state.image) throw Error(ErrorKind::unsupported, "the container was not made from an image");
  try {
    return read_image(store, *state.image);
  } catch (Error& error) {
    if (error.kind() == ErrorKind::not_found)
      error.set_hint("import the image again; its config is part of the new one");
    throw;
  }
}

} // namespace

MadeImage commit_container(Store& store, const Staging& staging, const ContainerView& container,
                           const CommitOptions& options, Progress& progress) {
  const ContainerState& state = container.state();
  const StoredImage parent = image_of(store, state);
  DerivedImage image;
  image.below = state.layers;
  image.title = "the container's changes";
  image.tell = [&](TreeSink& sink) {
    tell_changes(container.image(), container.seen(), store.identity(), sink);
  };
  image.before_publish = [&] { container.require_still_there(); };
  image.name = options.name;
  image.child.changes = options.changes;
  image.child.step.created = options.created;
  image.child.step.created_by = fmt::format("{}", fmt::join(state.command, " "));
  image.child.step.author = options.author;
  image.child.step.comment = options.message;
  return make_derived_image(store, staging, parent, std::move(image), progress);
}

} // namespace layerbox
