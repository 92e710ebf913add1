// What is damaged is kept apart from what is whole: somebody may still need a part of it.
#include <fcntl.h>
#include <stdio.h>

#include <array>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "store/private_dir.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

// The database first: without it, what stands in its journal is nobody's. Older versions had a log.
constexpr std::array<const char*, 4> kDatabaseFiles = {"", "-journal", "-wal", "-shm"};

} // namespace

std::string Store::set_apart(const std::string& path) const {
  const RelPath from = RelPath::parse(path);
  const UniqueFd parent = open_beneath(root_, from.parent(), kOpenDir);
  const UniqueFd apart = make_or_open_private_dir(root_, layout::kDamaged);
  const std::string name = std::string(from.filename()) + '.' + random_token();
  rename_at(parent, std::string(from.filename()).c_str(), apart, name.c_str(), RENAME_NOREPLACE);
  fsync_fd(parent, path);
  fsync_fd(apart, layout::kDamaged);
  return std::string(layout::kDamaged) + '/' + name;
}

void Store::replace_database(const std::function<void(Catalog&)>& fill) {
  const std::string fresh = std::string(layout::kDatabase) + ".new";
  for (const char* suffix : kDatabaseFiles) // of who was killed while he did this
    unlink_at(root_, (fresh + suffix).c_str());
  { // SQLite gives its other files the mode of this one
    const UniqueFd file =
        open_beneath(root_, RelPath::parse(fresh), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  }
  {
    Catalog catalog(path_ + '/' + fresh, MissingDatabase::make);
    fill(catalog);
  }
  unlink_at(root_, (fresh + "-journal").c_str()); // of what is committed
  fault_point("store.replace_database.before_rename");
  catalog_.reset();
  for (const char* suffix : kDatabaseFiles) {
    const std::string old = std::string(layout::kDatabase) + suffix;
    if (try_stat_at(root_, old.c_str())) set_apart(old);
  }
  // Between the two there is none, which everybody refuses, and which is mended like this.
  fault_point("store.replace_database.without_one");
  rename_at(root_, fresh.c_str(), root_, layout::kDatabase);
  fsync_fd(root_, path_);
}

} // namespace layerbox
