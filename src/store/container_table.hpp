// container_table: the rows of kept containers. Functions throw Error; those that write require a
// write transaction.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "store/rows.hpp"
#include "store/sqlite.hpp"

namespace layerbox::container_table {

std::vector<ContainerRow> all(const Sqlite& db); // oldest first
std::optional<ContainerRow> find(const Sqlite& db, std::string_view id);
std::optional<ContainerRow> named(const Sqlite& db, std::string_view name);
// Containers whose id begins with these hex digits, at most `limit`, in order.
std::vector<ContainerRow> with_prefix(const Sqlite& db, std::string_view hex, std::size_t limit);

// Throws Error(already_exists) that says whose it is.
void require_free_name(const Sqlite& db, std::string_view name);

void insert(const Sqlite& db, const ContainerRow& row); // Throws Error(already_exists)
// "" takes the name away. Throws Error(already_exists).
void set_backend(const Sqlite& db, std::string_view id, std::string_view backend);
void rename(const Sqlite& db, std::string_view id, std::string_view name);
void remove(const Sqlite& db, std::string_view id); // absence is success

} // namespace layerbox::container_table
