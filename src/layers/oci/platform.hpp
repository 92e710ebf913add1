// platform: for which machine an image is. Source: OCI image-spec image-index.md, "platform";
// the names are Go's (GOOS, GOARCH).
#pragma once

#include <string>
#include <string_view>

namespace layerbox {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant; // "v8"; "" when it does not matter or is not known

  // Reads OS/ARCH[/VARIANT], in any case and with uname(2)'s names of processors too
  // ("Linux/x86_64"). Throws Error(invalid_argument).
  static Platform parse(std::string_view text);
  // linux and what uname(2) says of the processor.
  static Platform of_this_machine();

  // Whether what is made for `other` runs where *this is wanted. An unknown variant fits any; an
  // `other` that does not say its system or processor fits too.
  bool fits(const Platform& other) const;
  std::string str() const; // OS/ARCH[/VARIANT]
  friend bool operator==(const Platform&, const Platform&) = default;
};

} // namespace layerbox
