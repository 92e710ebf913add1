// name_table: which image each NAME:TAG points at. Functions throw Error; those that write require
// a write transaction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "store/name_log.hpp"
#include "store/sqlite.hpp"

namespace layerbox::name_table {

std::optional<Digest> find(const Sqlite& db, std::string_view name);
std::vector<std::string> all(const Sqlite& db); // sorted
ImageNames images(const Sqlite& db);
// Points `name` at the image; returns the other image it pointed at before, if it did.
// Throws Error(not_found) for an image without a row.
std::optional<Digest> point(const Sqlite& db, std::string_view name, const Digest& image);
bool remove(const Sqlite& db, std::string_view name); // false when there is none

} // namespace layerbox::name_table
