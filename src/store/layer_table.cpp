#include "store/layer_table.hpp"

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox::layer_table {
namespace {

LayerKey key_of(const Sqlite& db, const std::string& text) {
  if (auto key = LayerKey::parse(text)) return *key;
  throw Error(ErrorKind::corrupt, "database '" + printable(db.path()) + "': '" + printable(text) +
                                      "' does not name a layer");
}

// All queries below give the columns in this order.
LayerRow row_of(const Sqlite& db, const Statement& query) {
  LayerRow row;
  row.key = key_of(db, query.text(0));
  row.size_bytes = query.size(1);
  row.tar_bytes = query.size(2);
  row.source_bytes = query.size(3);
  row.entries = query.size(4);
  row.imported = query.integer(5);
  return row;
}

std::vector<LayerRow> rows_of(const Sqlite& db, Statement& query) {
  std::vector<LayerRow> rows;
  while (query.next())
    rows.push_back(row_of(db, query));
  return rows;
}

} // namespace

std::optional<LayerRow> find(const Sqlite& db, const LayerKey& key) {
  Statement query(db, "SELECT key, size_bytes, tar_bytes, source_bytes, entries, imported "
                      "FROM layer WHERE key = ?");
  query.bind(1, key.str());
  if (!query.next()) return std::nullopt;
  return row_of(db, query);
}

std::vector<LayerRow> all(const Sqlite& db) {
  Statement query(db, "SELECT key, size_bytes, tar_bytes, source_bytes, entries, imported "
                      "FROM layer ORDER BY serial");
  return rows_of(db, query);
}

std::set<LayerKey> keys(const Sqlite& db) {
  Statement query(db, "SELECT key FROM layer");
  std::set<LayerKey> found;
  while (query.next())
    found.insert(key_of(db, query.text(0)));
  return found;
}

std::vector<LayerRow> with_diff_id(const Sqlite& db, const Digest& diff_id) {
  Statement query(db, "SELECT key, size_bytes, tar_bytes, source_bytes, entries, imported "
                      "FROM layer WHERE diff_id = ? ORDER BY serial");
  query.bind(1, diff_id.hex());
  return rows_of(db, query);
}

std::vector<LayerRow> with_source_bytes(const Sqlite& db, std::uint64_t source_bytes) {
  Statement query(db, "SELECT key, size_bytes, tar_bytes, source_bytes, entries, imported "
                      "FROM layer WHERE source_bytes = ? ORDER BY serial");
  query.bind(1, source_bytes);
  return rows_of(db, query);
}

std::size_t image_count(const Sqlite& db, const LayerKey& key) {
  Statement query(db, "SELECT count(DISTINCT image) FROM image_layer JOIN layer "
                      "ON layer.serial = image_layer.layer WHERE layer.key = ?");
  query.bind(1, key.str());
  return query.next() ? static_cast<std::size_t>(query.integer(0)) : 0;
}

void insert(const Sqlite& db, const LayerRow& row) {
  Statement insert(db,
                   "INSERT INTO layer (key, diff_id, size_bytes, tar_bytes, source_bytes, "
                   "entries, imported) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
                   "SET size_bytes = excluded.size_bytes, tar_bytes = excluded.tar_bytes, "
                   "source_bytes = excluded.source_bytes, entries = excluded.entries, "
                   "imported = excluded.imported");
  insert.bind(1, row.key.str()).bind(2, row.key.diff_id.hex());
  insert.bind(3, row.size_bytes).bind(4, row.tar_bytes).bind(5, row.source_bytes);
  insert.bind(6, row.entries).bind(7, row.imported);
  insert.run();
}

std::vector<LayerKey> unused(const Sqlite& db, const std::set<LayerKey>& keep) {
  std::vector<LayerKey> unused;
  Statement query(db, "SELECT key FROM layer WHERE NOT EXISTS "
                      "(SELECT 1 FROM image_layer WHERE layer = layer.serial) ORDER BY serial");
  while (query.next()) {
    const LayerKey key = key_of(db, query.text(0));
    if (!keep.contains(key)) unused.push_back(key);
  }
  return unused;
}

std::vector<LayerKey> remove_unused(const Sqlite& db, const std::vector<LayerKey>& candidates,
                                    const std::set<LayerKey>& keep) {
  std::vector<LayerKey> gone;
  Statement remove(db, "DELETE FROM layer WHERE key = ? AND NOT EXISTS "
                       "(SELECT 1 FROM image_layer WHERE layer = layer.serial)");
  for (const LayerKey& key : candidates) {
    if (keep.contains(key)) continue;
    remove.bind(1, key.str()).run();
    if (db.changes() == 1) gone.push_back(key);
  }
  return gone;
}

} // namespace layerbox::layer_table
