// resolve: from what a user typed to the one image or container that is meant, or to an error whose
// hint lists what may have been meant.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/digest.hpp"
#include "store/image_ref.hpp"
#include "store/rows.hpp"
#include "store/sqlite.hpp"

namespace layerbox {

inline constexpr std::size_t kMinPrefixChars = 4; // of an id, hex digits
inline constexpr std::size_t kMaxCandidates = 5;  // that a hint lists

// See Catalog, which says what is thrown.
Digest resolve_image(const Sqlite& db, std::string_view reference);
ContainerRow resolve_container(const Sqlite& db, std::string_view reference);

// NAME@DIGEST is the image with that id, if a tag of NAME points at it.
std::optional<Digest> find_image_named(const Sqlite& db, const ImageRef& ref);
[[noreturn]] void throw_no_image_named(const Sqlite& db, const ImageRef& ref);

} // namespace layerbox
