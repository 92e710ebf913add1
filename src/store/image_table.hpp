// image_table: the rows of images, and which layers each has, bottom first. Names are in
// name_table. Functions throw Error; those that write require a write transaction.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/rows.hpp"
#include "store/sqlite.hpp"

namespace layerbox::image_table {

std::optional<ImageRow> find(const Sqlite& db, const Digest& id);
bool has(const Sqlite& db, const Digest& id);
std::vector<ImageRow> all(const Sqlite& db); // newest import first
std::set<Digest> ids(const Sqlite& db);
std::set<Digest> chains(const Sqlite& db); // of all images
// Images whose id begins with these hex digits, at most `limit`, in order.
std::vector<Digest> with_prefix(const Sqlite& db, std::string_view hex, std::size_t limit);

// Of an image that is there already, its layers and what follows from them are replaced. Throws
// Error(not_found) for a layer without a row.
void insert(const Sqlite& db, const ImageRow& row);
// With its names; false when there is none.
bool remove(const Sqlite& db, const Digest& id);

} // namespace layerbox::image_table
