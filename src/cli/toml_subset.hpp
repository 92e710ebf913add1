// toml_subset: the part of TOML that the settings files use: comments, tables, and keys with a
// string, an integer or a truth value.
//
//     backend = "overlay"      # a comment
//     [storage]
//     limit = 10
//
// gives {"backend", "overlay", 1} and {"storage.limit", "10", 3}. Everything else of TOML (dates,
// arrays, floats, multi-line strings, dotted keys) is refused with the line's number, so that a
// file that is accepted means here what it means to every TOML reader. Source: toml.io, v1.0.0.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

enum class TomlKind : std::uint8_t { string, integer, boolean };

struct TomlEntry {
  std::string key; // with its table: "table.key"
  std::string value;
  TomlKind kind = TomlKind::string;
  std::size_t line = 0; // from 1
};

// `file` is for messages. Throws Error(invalid_argument): "FILE:LINE: …".
std::vector<TomlEntry> parse_toml(std::string_view text, std::string_view file);

} // namespace layerbox
