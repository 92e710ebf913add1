// pax_records: the "LENGTH KEY=VALUE\n" records of an extended header, as raw bytes.
//
// Whatever the locale says, keys and values are bytes: names in a tar are UTF-8 by the standard and
// anything at all in practice, and a value may hold NULs and newlines.
// Source: POSIX.1-2017 pax, "pax Extended Header".
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace layerbox {

// Calls `take` for each record in order. Throws Error(corrupt) when `body` is not records to its
// last byte.
void for_each_pax_record(
    std::string_view body,
    const std::function<void(std::string_view key, std::string_view value)>& take);

// One record, its length in front.
std::string pax_record(std::string_view key, std::string_view value);
// An extended attribute: SCHILY.xattr, or LIBARCHIVE.xattr for a name that would end at its '='.
std::string pax_xattr_record(std::string_view name, std::string_view value);

// LIBARCHIVE.xattr: the name is percent-encoded, the value base64 with or without padding.
// Throw Error(corrupt).
std::string decode_percent(std::string_view text);
std::string decode_base64(std::string_view text);

} // namespace layerbox
