#include "store/name_table.hpp"

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox::name_table {

std::optional<Digest> find(const Sqlite& db, std::string_view name) {
  Statement query(db, "SELECT image.id FROM name JOIN image ON image.serial = name.image "
                      "WHERE name.name = ?");
  if (!query.bind(1, name).next()) return std::nullopt;
  if (auto id = Digest::from_hex(query.text(0))) return id;
  throw Error(ErrorKind::corrupt, "database '" + printable(db.path()) + "': the id of image '" +
                                      printable(name) + "' is malformed");
}

std::vector<std::string> all(const Sqlite& db) {
  Statement query(db, "SELECT name FROM name ORDER BY name");
  std::vector<std::string> names;
  while (query.next())
    names.push_back(query.text(0));
  return names;
}

ImageNames images(const Sqlite& db) {
  Statement query(db,
                  "SELECT name.name, image.id FROM name JOIN image ON image.serial = name.image");
  ImageNames names;
  while (query.next())
    if (const auto id = Digest::from_hex(query.text(1))) names.emplace(query.text(0), *id);
  return names;
}

std::optional<Digest> point(const Sqlite& db, std::string_view name, const Digest& image) {
  const std::optional<Digest> before = find(db, name);
  if (before == image) return std::nullopt;
  Statement upsert(db, "INSERT INTO name (name, image) SELECT ?, serial FROM image WHERE id = ? "
                       "ON CONFLICT (name) DO UPDATE SET image = excluded.image");
  upsert.bind(1, name).bind(2, image.hex()).run();
  if (db.changes() == 0)
    throw Error(ErrorKind::not_found,
                "name image " + image.str() + " '" + printable(name) + "': there is no such image");
  return before;
}

bool remove(const Sqlite& db, std::string_view name) {
  Statement remove(db, "DELETE FROM name WHERE name = ?");
  remove.bind(1, name).run();
  return db.changes() == 1;
}

} // namespace layerbox::name_table
