// layer_table: the rows of layers. A row says that layers/sha256/<key>/ is whole and durable.
// Functions throw Error; those that write require a write transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "store/rows.hpp"
#include "store/sqlite.hpp"

namespace layerbox::layer_table {

std::optional<LayerRow> find(const Sqlite& db, const LayerKey& key);
std::vector<LayerRow> all(const Sqlite& db); // oldest first
std::set<LayerKey> keys(const Sqlite& db);   // of all layers
std::vector<LayerRow> with_diff_id(const Sqlite& db, const Digest& diff_id);
std::vector<LayerRow> with_source_bytes(const Sqlite& db, std::uint64_t source_bytes);
std::size_t image_count(const Sqlite& db, const LayerKey& key);

// In place of the row that is there, if one is: the layer's tree was made once more.
void insert(const Sqlite& db, const LayerRow& row);
// Layers that no image has, but for those in `keep`.
std::vector<LayerKey> unused(const Sqlite& db, const std::set<LayerKey>& keep);
// Deletes the rows of those of `candidates` that are unused, and returns their keys.
std::vector<LayerKey> remove_unused(const Sqlite& db, const std::vector<LayerKey>& candidates,
                                    const std::set<LayerKey>& keep);

} // namespace layerbox::layer_table
