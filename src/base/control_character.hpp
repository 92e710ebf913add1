// control_character: what does more to a terminal than show itself.
#pragma once

namespace layerbox {

// C0, DEL, C1, and the overrides that turn the direction of a line.
constexpr bool is_control_character(unsigned code) {
  const bool turns = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || turns;
}

} // namespace layerbox
