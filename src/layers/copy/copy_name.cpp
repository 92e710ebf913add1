#include "layers/copy/copy_name.hpp"

#include "base/error.hpp"

namespace layerbox {

CopyName parse_copy_name(std::string_view text) {
  if (text.empty()) throw Error(ErrorKind::invalid_argument, "the name is empty");
  CopyName name;
  name.path = text;
  std::string_view rest = text;
  while (rest.size() > 1 && rest.ends_with('/')) {
    rest.remove_suffix(1);
    name.must_be_directory = true;
  }
  const std::size_t slash = rest.rfind('/');
  const std::string_view base = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
  if (base.empty() || base == "." || base == "..") {
    name.must_be_directory = true;
    return name;
  }
  name.base = base;
  name.parent = slash == std::string_view::npos ? "." : rest.substr(0, slash + 1);
  return name;
}

} // namespace layerbox
