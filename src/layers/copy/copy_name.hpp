// copy_name: a name given to cp, and what its end says. Pure.
//
//     "/etc/nginx"      parent "/etc/", base "nginx"
//     "/etc/nginx/."    the content of /etc/nginx
//     "/etc/nginx/"     a directory, or the copy fails
#pragma once

#include <string>
#include <string_view>

namespace layerbox {

struct CopyName {
  std::string path;   // as given
  std::string parent; // of `base`, as a name to be opened
  std::string base;   // "" when there is none: the content alone is meant
  bool must_be_directory = false;
};

// Throws Error(invalid_argument) for the empty name.
CopyName parse_copy_name(std::string_view text);

} // namespace layerbox
