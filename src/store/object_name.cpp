#include "store/object_name.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {

bool is_object_name(std::string_view name) {
  const auto is_alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= kMaxObjectNameBytes && is_alnum(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

void require_object_name(const std::string& name, std::string_view what) {
  if (is_object_name(name)) return;
  Error error(ErrorKind::invalid_argument, "'" + printable(name.substr(0, kMaxObjectNameBytes)) +
                                               "' is no name for a " + std::string(what));
  error.set_hint("letters and digits, then also '_', '.' and '-'; at most 128");
  throw error;
}

} // namespace layerbox
