#include "store/store_creation.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/walk.hpp"
#include "store/catalog.hpp"
#include "store/file_system_check.hpp"
#include "store/layout.hpp"
#include "store/locks.hpp"
#include "store/private_dir.hpp"
#include "store/store_version.hpp"

namespace layerbox {
namespace {

constexpr const char* kVersionNew = "version.new";
constexpr const char* kCreationProbe = "probe.new"; // of file_system_check

constexpr std::array<const char*, 6> kDirectories = {layout::kBlobs,   layout::kLayers,
                                                     layout::kDerived, layout::kContainers,
                                                     layout::kStaging, layout::kTrash};

// What a killed maker may have left, and what a fresh file system brings.
bool is_own(std::string_view name) {
  if (name.starts_with(layout::kDatabase)) return true; // SQLite's other files begin with its name
  for (const char* file :
       {layout::kVersionFile, kVersionNew, layout::kLocks, kCreationProbe, "lost+found"})
    if (name == file) return true;
  return std::any_of(kDirectories.begin(), kDirectories.end(),
                     [&](std::string_view path) { return name == path.substr(0, path.find('/')); });
}

// What has been put there by somebody else, or by the users of a store.
std::optional<std::string> foreign_name(FdRef root) {
  for (std::string& name : list_dir(root))
    if (!is_own(name)) return std::move(name);
  return std::nullopt;
}

[[noreturn]] void refuse_what_holds(const std::string& name) {
  Error error(ErrorKind::invalid_argument,
              "the directory is no store, and holds '" + printable(name) + "'");
  error.set_hint("choose an empty or a new directory with --root");
  throw error;
}

UniqueFd open_dir(FdRef parent, std::string_view name) {
  return open_beneath(parent, RelPath::parse(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void require_same_file_system(FdRef root, FdRef dir, const char* name) {
  if (stat_fd(root).st_dev == stat_fd(dir).st_dev) return;
  throw Error(ErrorKind::unsupported, std::string("'") + name +
                                          "' lies on another file system, and a store needs to be "
                                          "on one");
}

void make_directories(FdRef root) {
  for (const char* path : kDirectories) {
    UniqueFd dir = open_dir(root, "");
    const RelPath whole = RelPath::parse(path);
    for (const std::string_view part : whole.components()) {
      const std::string name(part);
      if (!try_stat_at(dir, name.c_str())) make_private_dir(dir, name.c_str());
      UniqueFd next = open_dir(dir, part);
      fsync_fd(dir, path);
      dir = std::move(next);
    }
    require_same_file_system(root, dir, path);
  }
}

UniqueFd make_private_file(FdRef root, const char* name, int flags) {
  const int all = flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd file(::openat(root.get(), name, all, 0600));
  if (!file) throw_errno(errno, "make '" + std::string(name) + "'");
  if (::fchmod(file.get(), 0600) != 0)
    throw_errno(errno, "set the mode of '" + std::string(name) + "'");
  return file;
}

void refuse_known_file_systems(FdRef root) {
  if (const auto why = objection(file_system_facts(root)))
    throw Error(ErrorKind::unsupported, "its file system cannot hold a store: " + *why);
}

void fill_store(FdRef root, const std::string& path, const Identity& identity) {
  with_context([] { return std::string("its file system cannot hold a store"); },
               [&] { try_file_system(root); });
  fault_point("store.make.before_directories");
  make_directories(root);
  fault_point("store.make.before_database");
  // SQLite gives its other files the mode of this one. The connection is closed before the store
  // is one.
  make_private_file(root, layout::kDatabase, O_RDWR);
  { const Catalog catalog(path + '/' + layout::kDatabase, MissingDatabase::make); }
  fault_point("store.make.before_version");
  write_version(root, version_text(TreeIds::of(identity)));
}

void make_store_here(FdRef root, const std::string& path, const Identity& identity) {
  if (const std::optional<std::string> name = foreign_name(root)) {
    if (try_stat_at(root, layout::kVersionFile)) return; // another process was first, and uses it
    refuse_what_holds(*name);
  }
  refuse_known_file_systems(root);
  make_private_file(root, layout::kLocks, O_RDWR);
  const RangeLock gate = take_lock(root, kGateLock, LockMode::exclusive);
  if (try_stat_at(root, layout::kVersionFile)) return; // another process was first
  if (::fchmod(root.get(), 0700) != 0) throw_errno(errno, "set its mode to 0700");
  try {
    fill_store(root, path, identity);
  } catch (const Error& error) {
    // A place that was refused is left as it was found.
    if (error.kind() == ErrorKind::unsupported) unlink_at(root, layout::kLocks);
    throw;
  }
}

} // namespace

void make_store_directory(const std::string& path) {
  const std::string parent = path.substr(0, path.find_last_of('/'));
  int made = ::mkdir(path.c_str(), 0700);
  if (made != 0 && errno == ENOENT && !parent.empty()) {
    make_store_directory(parent);
    made = ::mkdir(path.c_str(), 0700); // /proc says ENOENT again
  }
  if (made != 0) {
    if (errno == EEXIST) return;
    const int why = errno;
    Error error(kind_of_errno(why), "make directory '" + printable(path) + "': " + errno_text(why),
                why);
    if (why == EACCES || why == EPERM || why == EROFS)
      error.set_hint("choose a directory of your own with --root");
    throw error;
  }
  if (::chmod(path.c_str(), 0700) != 0)
    throw_errno(errno, "set the mode of directory '" + printable(path) + "'");
  if (!parent.empty()) fsync_fd(open_path(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), parent);
}

void write_version(FdRef root, const std::string& text) {
  const UniqueFd file = make_private_file(root, kVersionNew, O_WRONLY | O_TRUNC);
  write_all(file, std::as_bytes(std::span(text)), layout::kVersionFile);
  fsync_fd(file, layout::kVersionFile);
  fault_point("store.make.before_version_rename");
  rename_at(root, kVersionNew, root, layout::kVersionFile);
  fsync_fd(root, "the store's directory");
}

void make_store(FdRef root, const std::string& path, const Identity& identity) {
  try {
    make_store_here(root, path, identity);
  } catch (Error& error) {
    error.add_context("make store '" + printable(path) + "'");
    if (error.kind() == ErrorKind::unsupported)
      error.set_hint("choose a directory on a local file system (ext4, xfs, btrfs) with --root");
    throw;
  }
}

} // namespace layerbox
