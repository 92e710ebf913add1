// browse_keys: the bytes that a terminal sends, as keys. Pure. Source: ECMA-48, console_codes(4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

enum class Key : std::uint8_t {
  up,
  down,
  left,
  right,
  page_up,
  page_down,
  home,
  end,
  enter,
  escape,
  backspace,
  interrupt, // ^C
  suspend,   // ^Z
  byte,      // anything else that can be shown: KeyPress::byte
};

struct KeyPress {
  Key key = Key::byte;
  char byte = 0;
  friend bool operator==(const KeyPress&, const KeyPress&) = default;
};

class KeyReader {
 public:
  std::vector<KeyPress> take(std::string_view bytes);
  // The beginning of a sequence is there: more comes at once, or it was the escape key.
  bool is_waiting() const { return !begun_.empty(); }
  std::vector<KeyPress> give_up_waiting();

 private:
  std::string begun_;
};

} // namespace layerbox
