#include "store/schema.hpp"

#include <array>
#include <string>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

// Digests are 64 hex digits; layers go by their name on disk (LayerKey::str). Sizes are 64 bits.
// `image.serial` is the order of import. docs/on-disk.md explains every column.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE image (
  serial INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  chain TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  created TEXT NOT NULL,
  os TEXT NOT NULL,
  architecture TEXT NOT NULL
) STRICT;
CREATE TABLE layer (
  serial INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  diff_id TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  tar_bytes INTEGER NOT NULL,
  source_bytes INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  imported INTEGER NOT NULL
) STRICT;
CREATE INDEX layer_by_diff_id ON layer (diff_id);
CREATE INDEX layer_by_source_bytes ON layer (source_bytes);
CREATE TABLE image_layer (
  image INTEGER NOT NULL REFERENCES image (serial) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  layer INTEGER NOT NULL REFERENCES layer (serial),
  PRIMARY KEY (image, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_layer_by_layer ON image_layer (layer);
CREATE TABLE name (
  name TEXT NOT NULL PRIMARY KEY,
  image INTEGER NOT NULL REFERENCES image (serial) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX name_by_image ON name (image);
CREATE TABLE container (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT UNIQUE,
  image TEXT,
  backend TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array<const char*, 1> kSteps = {kVersion1};

std::int64_t version_of(Sqlite& db) {
  return db.number("PRAGMA user_version");
}

[[noreturn]] void refuse_newer(const Sqlite& db, std::int64_t version, std::size_t known) {
  Error error(ErrorKind::unsupported, "database '" + printable(db.path()) +
                                          "': its schema has version " + std::to_string(version) +
                                          ", and this layerbox knows versions up to " +
                                          std::to_string(known));
  error.set_hint("use the newer layerbox that wrote it, or choose another store with --root");
  throw error;
}

} // namespace

std::span<const char* const> schema_steps() {
  return kSteps;
}

void migrate(Sqlite& db, std::span<const char* const> steps, MissingDatabase empty) {
  const auto newest = static_cast<std::int64_t>(steps.size());
  std::int64_t version = version_of(db);
  if (version == newest) return;
  if (version > newest || version < 0) refuse_newer(db, version, steps.size());
  if (version == 0 && empty == MissingDatabase::refuse) {
    Error error(ErrorKind::corrupt, "database '" + printable(db.path()) + "': it is empty");
    error.set_hint("'layerbox fsck --repair' makes it anew from what lies beside it");
    throw error;
  }
  Transaction transaction(db, TransactionKind::write);
  version = version_of(db); // another process may have been first
  if (version > newest) refuse_newer(db, version, steps.size());
  for (std::int64_t i = version; i < newest; ++i)
    db.run(steps[static_cast<std::size_t>(i)]);
  db.run(("PRAGMA user_version = " + std::to_string(newest)).c_str());
  transaction.commit();
}

} // namespace layerbox
