// missing_database: what to do about a database that is not there. While a store is being made, it
// is made; of a made store, its absence is damage, and an empty one in its place would make garbage
// of everything.
#pragma once

#include <cstdint>

namespace layerbox {

enum class MissingDatabase : std::uint8_t { make, refuse };

} // namespace layerbox
