// mount_text: the words that mount flags are made of: lists, "key=value", destinations.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace layerbox {

// "a,b" at ',' is {"a", "b"}; "" is {""}.
std::vector<std::string> split_text(const std::string& text, char at);

// A word of an option list: the name, and what stands after '='.
struct MountWord {
  std::string name;
  std::optional<std::string> value;

  explicit MountWord(const std::string& text);
  // True alone, with "true" and with "1". Throws UsageError for what is neither that nor false.
  bool truth() const;
  // Throws UsageError when there is none.
  const std::string& required() const;
};

// An absolute path in the container, cleaned. Throws UsageError for one that is relative, has ".."
// in it, or is "/".
std::string mount_destination(const std::string& path);

// Errors of `body` say which flag they are about.
template <typename Body>
auto in_mount_flag(const char* flag, const std::string& text, Body&& body) {
  return with_context([&] { return std::string("run: ") + flag + ' ' + text; }, body);
}

} // namespace layerbox
