// schema: the tables of the database, and how an older database becomes a newer one.
//
// The database says its version in `PRAGMA user_version`. Step i of the list brings version i to
// i + 1; all steps that are missing run in one transaction. A newer database is refused: an older
// program cannot know what the newer one promised.
#pragma once

#include <span>

#include "store/sqlite.hpp"

namespace layerbox {

// The steps of this program; their number is the version it writes.
std::span<const char* const> schema_steps();

// Brings `db` to the version `steps.size()`. Throws Error; kind unsupported for a newer one, with a
// hint; kind corrupt for an empty database where `empty` is refused.
void migrate(Sqlite& db, std::span<const char* const> steps, MissingDatabase empty);

} // namespace layerbox
