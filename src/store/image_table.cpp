#include "store/image_table.hpp"

#include <functional>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox::image_table {
namespace {

[[noreturn]] void throw_damaged(const Sqlite& db, const std::string& what) {
  throw Error(ErrorKind::corrupt,
              "database '" + printable(db.path()) + "': " + printable(what) + " is malformed");
}

Digest digest_of(const Sqlite& db, const std::string& hex) {
  if (auto digest = Digest::from_hex(hex)) return *digest;
  throw_damaged(db, "digest '" + hex + "'");
}

LayerKey key_of(const Sqlite& db, const std::string& text) {
  if (auto key = LayerKey::parse(text)) return *key;
  throw_damaged(db, "layer '" + text + "'");
}

std::vector<LayerKey> layers_of(const Sqlite& db, std::int64_t serial) {
  Statement query(db, "SELECT layer.key FROM image_layer JOIN layer "
                      "ON layer.serial = image_layer.layer WHERE image = ? ORDER BY position");
  query.bind(1, serial);
  std::vector<LayerKey> layers;
  while (query.next())
    layers.push_back(key_of(db, query.text(0)));
  return layers;
}

std::vector<std::string> names_of(const Sqlite& db, std::int64_t serial) {
  Statement query(db, "SELECT name FROM name WHERE image = ? ORDER BY name");
  query.bind(1, serial);
  std::vector<std::string> names;
  while (query.next())
    names.push_back(query.text(0));
  return names;
}

// The queries below give the columns in this order.
ImageRow row_of(const Sqlite& db, const Statement& query) {
  ImageRow row;
  row.id = digest_of(db, query.text(1));
  row.chain = digest_of(db, query.text(2));
  row.size_bytes = query.size(3);
  row.created = query.text(4);
  row.os = query.text(5);
  row.architecture = query.text(6);
  return row;
}

// Rows whose first column is an image's serial, the newest image first, as all() goes.
class OfImages {
 public:
  OfImages(const Sqlite& db, std::string_view select) : query_(db, select), more_(query_.next()) {}

  // The second column of the rows of `image`. Requires that it is asked for all, the newest first.
  void for_each(std::int64_t image, const std::function<void(const std::string&)>& say) {
    for (; more_ && query_.integer(0) >= image; more_ = query_.next())
      if (query_.integer(0) == image) say(query_.text(1));
  }

 private:
  Statement query_;
  bool more_;
};

std::int64_t insert_row(const Sqlite& db, const ImageRow& row) {
  Statement insert(db, "INSERT INTO image (id, chain, size_bytes, created, os, architecture) "
                       "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
                       "SET chain = excluded.chain, size_bytes = excluded.size_bytes");
  insert.bind(1, row.id.hex()).bind(2, row.chain.hex()).bind(3, row.size_bytes);
  insert.bind(4, row.created).bind(5, row.os).bind(6, row.architecture);
  insert.run();
  Statement serial(db, "SELECT serial FROM image WHERE id = ?");
  serial.bind(1, row.id.hex());
  serial.next();
  return serial.integer(0);
}

[[noreturn]] void throw_layer_gone(const ImageRow& row, const LayerKey& key) {
  Error error(ErrorKind::not_found, "publish image " + row.id.str() + ": its layer " + key.str() +
                                        " is not in the store");
  error.set_hint("another command may have removed it just now; import the image again");
  throw error;
}

std::set<Digest> digests_of(const Sqlite& db, const char* select) {
  Statement query(db, select);
  std::set<Digest> found;
  while (query.next())
    found.insert(digest_of(db, query.text(0)));
  return found;
}

} // namespace

std::optional<ImageRow> find(const Sqlite& db, const Digest& id) {
  Statement query(db, "SELECT serial, id, chain, size_bytes, created, os, architecture "
                      "FROM image WHERE id = ?");
  query.bind(1, id.hex());
  if (!query.next()) return std::nullopt;
  ImageRow row = row_of(db, query);
  row.layers = layers_of(db, query.integer(0));
  row.names = names_of(db, query.integer(0));
  return row;
}

bool has(const Sqlite& db, const Digest& id) {
  Statement query(db, "SELECT 1 FROM image WHERE id = ?");
  return query.bind(1, id.hex()).next();
}

std::vector<ImageRow> all(const Sqlite& db) {
  Statement query(db, "SELECT serial, id, chain, size_bytes, created, os, architecture "
                      "FROM image ORDER BY serial DESC");
  OfImages layers(db, "SELECT image, key FROM image_layer JOIN layer "
                      "ON layer.serial = image_layer.layer ORDER BY image DESC, position");
  OfImages names(db, "SELECT image, name FROM name ORDER BY image DESC, name");
  std::vector<ImageRow> rows;
  while (query.next()) {
    ImageRow& row = rows.emplace_back(row_of(db, query));
    const std::int64_t serial = query.integer(0);
    layers.for_each(serial, [&](const auto& key) { row.layers.push_back(key_of(db, key)); });
    names.for_each(serial, [&](const auto& name) { row.names.push_back(name); });
  }
  return rows;
}

std::set<Digest> ids(const Sqlite& db) {
  return digests_of(db, "SELECT id FROM image");
}

std::set<Digest> chains(const Sqlite& db) {
  return digests_of(db, "SELECT chain FROM image");
}

std::vector<Digest> with_prefix(const Sqlite& db, std::string_view hex, std::size_t limit) {
  // 'g' comes after every hex digit, so the range holds exactly the ids with the prefix.
  Statement query(db, "SELECT id FROM image WHERE id >= ? AND id < ? ORDER BY id LIMIT ?");
  query.bind(1, hex).bind(2, std::string(hex) + 'g').bind(3, static_cast<std::int64_t>(limit));
  std::vector<Digest> ids;
  while (query.next())
    ids.push_back(digest_of(db, query.text(0)));
  return ids;
}

void insert(const Sqlite& db, const ImageRow& row) {
  Statement layer(db, "SELECT serial FROM layer WHERE key = ?");
  std::vector<std::int64_t> layers;
  for (const LayerKey& key : row.layers) {
    if (!layer.bind(1, key.str()).next()) throw_layer_gone(row, key);
    layers.push_back(layer.integer(0));
    layer.reset();
  }
  const auto before = find(db, row.id);
  if (before && before->layers == row.layers && before->chain == row.chain &&
      before->size_bytes == row.size_bytes)
    return;
  const std::int64_t image = insert_row(db, row);
  Statement unlink(db, "DELETE FROM image_layer WHERE image = ?");
  unlink.bind(1, image).run();
  Statement link(db, "INSERT INTO image_layer (image, position, layer) VALUES (?, ?, ?)");
  for (std::size_t i = 0; i < layers.size(); ++i)
    link.bind(1, image).bind(2, static_cast<std::int64_t>(i)).bind(3, layers[i]).run();
}

bool remove(const Sqlite& db, const Digest& id) {
  Statement remove(db, "DELETE FROM image WHERE id = ?");
  remove.bind(1, id.hex()).run();
  return db.changes() == 1;
}

} // namespace layerbox::image_table
