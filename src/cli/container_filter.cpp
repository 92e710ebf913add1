#include "cli/container_filter.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.hpp"
#include "cli/find_container.hpp"

namespace layerbox {
namespace {

std::optional<int> whole_number(const std::string& text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// An image, and all that stand on it: their layers begin with its own, and are more. Of two with
// the same layers nobody can say which was made of which.
class Ancestor {
 public:
  Ancestor(Store& store, std::string reference) : reference_(std::move(reference)) {
    try {
      image_ = store.catalog().image(store.catalog().resolve_image(reference_));
    } catch (const Error& error) {
      // The containers of an image that is gone still know what it was called.
      if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::invalid_argument)
        throw;
    }
  }

  bool is_of(const ContainerState& state) const {
    if (state.image_name == reference_) return true;
    if (!image_) return false;
    if (state.image == image_->id) return true;
    const std::vector<LayerKey>& layers = image_->layers;
    return !layers.empty() && layers.size() < state.layers.size() &&
           std::equal(layers.begin(), layers.end(), state.layers.begin());
  }

 private:
  std::string reference_;
  std::optional<ImageRow> image_;
};

} // namespace

void ContainerFilter::read() {
  filter_.read();
  for (const std::string& value : filter_.values("exited"))
    if (!whole_number(value)) filter_.refuse("exited", value, "an exit status, a whole number");
}

bool ContainerFilter::is_meant(const ContainerInfo& container) const {
  const ContainerState& state = container.state;
  const auto holds_volume = [&](const std::string& name) {
    return std::count(state.volumes.begin(), state.volumes.end(), name) > 0;
  };
  return filter_.name(state.name) && filter_.label(state.labels) &&
         filter_.any("id", [&](const std::string& id) { return state.id.starts_with(id); }) &&
         filter_.any("status",
                     [&](const std::string& word) { return word == state_word(container); }) &&
         filter_.any(
             "exited",
             [&](const std::string& value) { return state.exit_status == whole_number(value); }) &&
         filter_.any("volume", holds_volume) &&
         filter_.any("network", [&](const std::string& name) {
           return state.network && state.network->name == name;
         });
}

std::vector<ContainerInfo> ContainerFilter::chosen(Store& store,
                                                   std::vector<ContainerInfo> containers) const {
  std::vector<Ancestor> ancestors;
  for (const char* key : {"ancestor", "image"})
    for (const std::string& reference : filter_.values(key))
      ancestors.emplace_back(store, reference);
  const auto place_of = [&](const std::string& reference) {
    const std::string id = find_container(containers, reference).state.id;
    return std::find_if(containers.begin(), containers.end(),
                        [&](const ContainerInfo& other) { return other.state.id == id; }) -
           containers.begin();
  };
  std::optional<std::ptrdiff_t> before, since;
  for (const std::string& reference : filter_.values("before"))
    before = std::max(before.value_or(0), place_of(reference));
  for (const std::string& reference : filter_.values("since")) {
    const std::ptrdiff_t place = place_of(reference);
    since = std::min(since.value_or(place), place);
  }

  std::vector<ContainerInfo> list;
  for (std::size_t i = 0; i < containers.size(); ++i) {
    ContainerInfo& container = containers[i];
    const auto place = static_cast<std::ptrdiff_t>(i);
    if ((before && place >= *before) || (since && place <= *since) || !is_meant(container))
      continue;
    if (ancestors.empty() ||
        std::any_of(ancestors.begin(), ancestors.end(),
                    [&](const Ancestor& image) { return image.is_of(container.state); }))
      list.push_back(std::move(container));
  }
  return list;
}

} // namespace layerbox
