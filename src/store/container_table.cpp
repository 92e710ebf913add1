#include "store/container_table.hpp"

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox::container_table {
namespace {

// The queries below give the columns in this order.
ContainerRow row_of(const Statement& query) {
  ContainerRow row;
  row.id = query.text(0);
  row.name = query.text(1);
  row.image = Digest::from_hex(query.text(2));
  row.backend = query.text(3);
  row.created = query.integer(4);
  return row;
}

std::vector<ContainerRow> rows_of(Statement& query) {
  std::vector<ContainerRow> rows;
  while (query.next())
    rows.push_back(row_of(query));
  return rows;
}

std::optional<ContainerRow> one_of(Statement& query) {
  if (!query.next()) return std::nullopt;
  return row_of(query);
}

} // namespace

std::vector<ContainerRow> all(const Sqlite& db) {
  Statement query(db, "SELECT id, name, image, backend, created FROM container "
                      "ORDER BY created, id");
  return rows_of(query);
}

std::optional<ContainerRow> find(const Sqlite& db, std::string_view id) {
  Statement query(db, "SELECT id, name, image, backend, created FROM container WHERE id = ?");
  return one_of(query.bind(1, id));
}

std::optional<ContainerRow> named(const Sqlite& db, std::string_view name) {
  Statement query(db, "SELECT id, name, image, backend, created FROM container WHERE name = ?");
  return one_of(query.bind(1, name));
}

std::vector<ContainerRow> with_prefix(const Sqlite& db, std::string_view hex, std::size_t limit) {
  // 'g' comes after every hex digit, so the range holds exactly the ids with the prefix.
  Statement query(db, "SELECT id, name, image, backend, created FROM container "
                      "WHERE id >= ? AND id < ? ORDER BY id LIMIT ?");
  query.bind(1, hex).bind(2, std::string(hex) + 'g').bind(3, static_cast<std::int64_t>(limit));
  return rows_of(query);
}

void require_free_name(const Sqlite& db, std::string_view name) {
  const auto other = named(db, name);
  if (!other) return;
  Error error(ErrorKind::already_exists, "name container '" + printable(name) +
                                             "': the name is taken by container " +
                                             other->id.substr(0, 12));
  error.set_hint("choose another name, or remove that container with `layerbox rm`");
  throw error;
}

void insert(const Sqlite& db, const ContainerRow& row) {
  if (!row.name.empty()) require_free_name(db, row.name);
  Statement insert(db, "INSERT INTO container (id, name, image, backend, created) "
                       "VALUES (?, ?, ?, ?, ?)");
  insert.bind(1, row.id).bind(4, row.backend).bind(5, row.created);
  row.name.empty() ? insert.bind_null(2) : insert.bind(2, row.name);
  row.image ? insert.bind(3, row.image->hex()) : insert.bind_null(3);
  insert.run();
}

void rename(const Sqlite& db, std::string_view id, std::string_view name) {
  if (const auto other = named(db, name); other && other->id == id) return;
  if (!name.empty()) require_free_name(db, name);
  Statement rename(db, "UPDATE container SET name = ? WHERE id = ?");
  name.empty() ? rename.bind_null(1) : rename.bind(1, name);
  rename.bind(2, id).run();
}

void set_backend(const Sqlite& db, std::string_view id, std::string_view backend) {
  Statement update(db, "UPDATE container SET backend = ? WHERE id = ?");
  update.bind(1, backend).bind(2, id).run();
}

void remove(const Sqlite& db, std::string_view id) {
  Statement remove(db, "DELETE FROM container WHERE id = ?");
  remove.bind(1, id).run();
}

} // namespace layerbox::container_table
