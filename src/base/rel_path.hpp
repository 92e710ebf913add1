// rel_path: a name inside a tree, validated at the door.
//
// A RelPath is a non-empty sequence of components joined by '/', none of which is empty, "." or
// "..", or holds a NUL; or it is empty, which names the top of the tree. It is bytes, not text: tar
// names need not be UTF-8. Inner code does not check again.
//
//     RelPath::parse("./usr//bin/") == "usr/bin"      RelPath::parse("/") == ""  (the top)
//     RelPath::parse("a/../b")  throws
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

class RelPath {
 public:
  // Linux limits: a path 4096 bytes with its NUL, a component 255 bytes (path_resolution(7)).
  static constexpr std::size_t kMaxBytes = 4095;
  static constexpr std::size_t kMaxComponentBytes = 255;

  RelPath() = default; // the top

  // Leading and repeated '/' and "." components are dropped. Throws Error(invalid_argument) that
  // quotes the name when it has "..", a NUL, or passes a limit above.
  static RelPath parse(std::string_view name);

  bool is_top() const noexcept { return text_.empty(); }
  const std::string& str() const noexcept { return text_; }
  const char* c_str() const noexcept { return text_.c_str(); } // "" for the top
  std::string_view filename() const noexcept;                  // "" for the top
  RelPath parent() const;                                      // the top's parent is the top
  RelPath child(std::string_view component) const;             // component is checked as parse does
  std::size_t depth() const noexcept;                          // number of components
  std::vector<std::string_view> components() const;            // views into *this
  bool starts_with(const RelPath& ancestor) const noexcept;    // also true when equal

  friend auto operator<=>(const RelPath&, const RelPath&) = default;

 private:
  std::string text_;
};

// A name made fit for a message or a terminal: control bytes and bytes that are not UTF-8 become
// \xNN, so that a hostile name cannot send escape sequences.
std::string printable(std::string_view bytes);

} // namespace layerbox

template <> struct std::hash<layerbox::RelPath> {
  std::size_t operator()(const layerbox::RelPath& p) const noexcept {
    return std::hash<std::string>{}(p.str());
  }
};
