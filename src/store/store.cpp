#include "store/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "store/blob_store.hpp"
#include "store/locks.hpp"
#include "store/store_creation.hpp"
#include "store/store_version.hpp"
#include "store/trash.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxVersionBytes = 4096;

[[noreturn]] void refuse(ErrorKind kind, const std::string& path, const std::string& why,
                         std::string hint) {
  Error error(kind, "open store '" + printable(path) + "': " + why);
  error.set_hint(std::move(hint));
  throw error;
}

void require_absolute(const std::string& path) {
  if (path.size() > 1 && path.front() == '/' && path.find('\0') == std::string::npos) return;
  refuse(ErrorKind::invalid_argument, path, "it is not an absolute path of a directory",
         "give one that begins with '/'");
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  return path;
}

std::optional<UniqueFd> try_open_root(const std::string& path) {
  try {
    return open_path(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  } catch (Error& error) {
    if (error.error_number() == ENOENT) return std::nullopt;
    error.add_context("open store '" + printable(path) + "'");
    if (error.error_number() == EACCES)
      error.set_hint("a store belongs to one user; choose your own with --root");
    throw;
  }
}

void require_own(const struct stat& status, const std::string& path, const Identity& identity) {
  if (status.st_uid == identity.uid) return;
  refuse(ErrorKind::permission_denied, path,
         "it belongs to uid " + std::to_string(status.st_uid) + ", and you are uid " +
             std::to_string(identity.uid),
         "run layerbox as its owner, or choose your own store with --root");
}

void require_private(const struct stat& status, const std::string& path) {
  if ((status.st_mode & 077) == 0) return;
  // Whoever can enter finds setuid programs of every image in it.
  refuse(ErrorKind::permission_denied, path, "other users can enter it",
         "close it with `chmod 700 " + printable(path) + "`");
}

std::optional<std::string> try_read_version(FdRef root) {
  try {
    // Whatever else has the name is not waited for, and does not read as a version.
    const UniqueFd file =
        open_beneath(root, RelPath::parse(layout::kVersionFile), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    FdSource source(file, layout::kVersionFile);
    return read_all(source, kMaxVersionBytes, layout::kVersionFile);
  } catch (const Error& error) {
    if (error.error_number() == ENOENT) return std::nullopt;
    throw;
  }
}

[[noreturn]] void refuse_ids(const std::string& path, const TreeIds& written, const TreeIds& mine,
                             const Identity& identity) {
  std::string why = "its files were written by " + written.words() + ", and you are " +
                    mine.words() + ": their owners would be wrong";
  if (!identity.reason.empty()) why += " (" + identity.reason + ')';
  refuse(ErrorKind::unsupported, path, why,
         identity.lacks == Lacks::helper
             ? identity.way_out
             : "restore the ids it was written with (/etc/subuid, /etc/subgid), or choose another "
               "store with --root and import again");
}

// The user's ranges have grown since: what is written from now on may need all of them.
void record_growth(FdRef root, const TreeIds& mine) {
  const RangeLock gate = take_lock(root, kGateLock, LockMode::exclusive);
  write_version(root, version_text(mine));
}

void require_version(FdRef root, const std::string& text, const std::string& path,
                     const Identity& identity) {
  const TreeIds written = parse_version(text, path);
  const TreeIds mine = TreeIds::of(identity);
  switch (compare(written, identity)) {
  case IdsVerdict::same:
    return;
  case IdsVerdict::grown:
    record_growth(root, mine);
    return;
  case IdsVerdict::other:
    refuse_ids(path, written, mine, identity);
  }
}

UniqueFd make_root(const std::string& path, const Identity& identity) {
  make_store_directory(path);
  auto root = try_open_root(path);
  if (!root) throw_errno(ENOENT, "open store '" + printable(path) + "'");
  try {
    make_store(*root, path, identity);
  } catch (const Error&) {
    ::rmdir(path.c_str()); // fails, rightly, when something is in it
    throw;
  }
  return std::move(*root);
}

} // namespace

Store::Store(std::string path, UniqueFd root, Identity identity)
    : path_(std::move(path)), root_(std::move(root)), identity_(std::move(identity)) {}

// A handful of system calls: open the directory, look at its owner, read a line.
Store Store::open(const std::string& root, const Identity& identity) {
  require_absolute(root);
  const std::string path = without_trailing_slash(root);
  auto existing = try_open_root(path);
  UniqueFd fd = existing ? std::move(*existing) : make_root(path, identity);
  const struct stat status = stat_fd(fd);
  require_own(status, path, identity);
  auto version = try_read_version(fd);
  if (version) {
    require_private(status, path);
  } else {
    make_store(fd, path, identity);
    version = try_read_version(fd);
    if (!version) throw_errno(ENOENT, "open store '" + printable(path) + "'");
  }
  require_version(fd, *version, path, identity);
  return {path, std::move(fd), identity};
}

std::optional<Store> Store::open_existing(const std::string& root, const Identity& identity) {
  require_absolute(root);
  const std::string path = without_trailing_slash(root);
  auto fd = try_open_root(path);
  if (!fd) return std::nullopt;
  const struct stat status = stat_fd(*fd);
  require_own(status, path, identity);
  const auto version = try_read_version(*fd);
  if (!version) return std::nullopt;
  require_private(status, path);
  const TreeIds written = parse_version(*version, path);
  const TreeIds mine = TreeIds::of(identity);
  if (compare(written, identity) == IdsVerdict::other) refuse_ids(path, written, mine, identity);
  return Store(path, std::move(*fd), identity);
}

Catalog& Store::catalog() {
  if (!catalog_) catalog_.emplace(path_ + '/' + layout::kDatabase, MissingDatabase::refuse);
  return *catalog_;
}

RangeLock Store::gate(LockMode mode) const {
  return take_lock(root_, kGateLock, mode);
}

std::optional<RangeLock> Store::try_gate(LockMode mode) const {
  return try_lock(root_, kGateLock, mode);
}

RangeLock Store::layer_lock(const Digest& diff_id) const {
  return take_lock(root_, layer_lock_number(diff_id), LockMode::exclusive);
}

RangeLock Store::layer_locks(const std::vector<Digest>& diff_ids) const {
  std::set<std::uint64_t> numbers;
  for (const Digest& id : diff_ids)
    numbers.insert(layer_lock_number(id));
  return take_locks(root_, numbers, LockMode::exclusive);
}

bool Store::has_blob(const Digest& digest) const {
  return layerbox::has_blob(root_, digest);
}

void Store::put_blob(const Digest& digest, std::string_view content) const {
  layerbox::put_blob(root_, digest, content);
}

std::string Store::read_blob(const Digest& digest, std::size_t max_bytes) const {
  return layerbox::read_blob(root_, digest, max_bytes);
}

void Store::commit_layers(const std::vector<StagedLayer>& layers, FdRef staging) const {
  const UniqueFd parent =
      open_beneath(root_, RelPath::parse(layout::kLayers), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (const StagedLayer& layer : layers)
    with_context([&] { return "commit layer " + layer.key.str(); },
                 [&] {
                   move_to_trash(
                       layout::layer_dir(layer.key)); // of an import that was killed before its row
                   fault_point("store.commit_layer.before_rename");
                   rename_at(staging, layer.dir.c_str(), parent, layer.key.str().c_str(),
                             RENAME_NOREPLACE);
                   fault_point("store.commit_layer.after_rename");
                 });
  fault_point("store.commit_layer.before_fsync");
  fsync_fd(parent, layout::kLayers);
  fault_point("store.commit_layer.after_fsync");
}

void Store::move_to_trash(const std::string& path) const {
  layerbox::move_to_trash(root_, path);
}

} // namespace layerbox
