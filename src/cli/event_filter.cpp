#include "cli/event_filter.hpp"

#include "cli/find_container.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kImageIdPrefix = "sha256:";

bool begins_id(const std::string& id, std::string_view beginning) {
  return beginning.size() >= kLeastPrefixDigits && id.starts_with(beginning);
}

// Without a tag it is meant with any.
bool is_name_of(const std::string& name, const std::string& value) {
  const std::size_t colon = name.rfind(':');
  const std::size_t slash = name.rfind('/'); // before it a colon is a port's
  const bool has_tag = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  return name == value || (has_tag && name.substr(0, colon) == value) ||
         (!has_tag && name + ":latest" == value);
}

bool is_image(const Event& event, const std::string& value) {
  const std::string& name = event.type == "image" ? event.name : event.image;
  if (!name.empty() && is_name_of(name, value)) return true;
  if (event.type != "image") return false;
  const bool is_whole = value.starts_with(kImageIdPrefix);
  return begins_id(event.id, is_whole ? value : std::string(kImageIdPrefix) + value) &&
         (is_whole || value.size() >= kLeastPrefixDigits);
}

} // namespace

void EventFilter::read() {
  filter_.read();
}

bool EventFilter::is_meant(const Event& event) const {
  const auto of_type = [&](const char* key) {
    return filter_.any(key, [&](const std::string& value) {
      return event.type == key && (event.name == value || begins_id(event.id, value));
    });
  };
  const auto is_named = [&](const char* key) {
    return filter_.any(
        key, [&](const std::string& value) { return event.type == key && event.name == value; });
  };
  return filter_.any("type", [&](const std::string& type) { return event.type == type; }) &&
         filter_.any("event", [&](const std::string& word) { return event.action == word; }) &&
         filter_.any("image", [&](const std::string& value) { return is_image(event, value); }) &&
         filter_.label(event.labels) && of_type("container") && is_named("volume") &&
         is_named("network");
}

} // namespace layerbox
