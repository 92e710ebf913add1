// The store, or where it would be made, and what its file system can do. Source: statvfs(3),
// proc_pid_mountinfo(5), ext4(5); Documentation/filesystems/overlayfs.rst.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/kernel_text.hpp"
#include "base/mount_table.hpp"
#include "base/temp.hpp"
#include "cli/doctor/probe.hpp"
#include "cli/doctor/trial.hpp"
#include "layers/backend/overlay.hpp"
#include "runner/clone_sources.hpp"
#include "store/file_system_check.hpp"
#include "store/store.hpp"

namespace layerbox::doctor {
namespace {

// The nearest directory above `path` that is there.
std::string existing_parent(std::string path) {
  struct stat status {};
  do
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  while (path.size() > 1 && ::stat(path.c_str(), &status) != 0);
  return path;
}

// A directory on the store's file system that goes with this object; in the store, where there is
// one, so that what a kill leaves is swept.
class TrialPlace {
 public:
  TrialPlace(const Store* store, const std::string& parent) {
    if (store != nullptr)
      staging_.emplace(store->new_staging());
    else
      temporary_.emplace(open_path(parent, O_PATH | O_DIRECTORY), ".layerbox-doctor-");
    path_ = store != nullptr
                ? fmt::format("{}/{}/{}", store->path(), layout::kStaging, staging_->token())
                : temporary_->path();
  }
  FdRef dir() const { return staging_ ? staging_->dir() : temporary_->dir(); }
  const std::string& path() const { return path_; }
  // A fresh directory in it.
  UniqueFd make(const char* name) const { return make_or_open_dir_at(dir(), name, 0700); }

 private:
  std::optional<Staging> staging_;
  std::optional<TempDir> temporary_;
  std::string path_;
};

// The device that the file system `dev` is mounted from: "/dev/vda1".
std::string mount_source(dev_t dev) {
  const std::string wanted = fmt::format("{}:{}", major(dev), minor(dev));
  const std::string table = read_mount_table();
  for (const MountEntry& mount : parse_mount_table(table))
    if (mount.device == wanted) return unescape_mount_field(mount.source);
  return {};
}

// ext4 tells by the process that writes its journal.
Journal find_journal(FdRef dir) {
  struct stat status {};
  if (::fstat(dir.get(), &status) != 0) return Journal::unknown;
  const std::string link =
      fmt::format("/sys/dev/block/{}:{}", major(status.st_dev), minor(status.st_dev));
  std::array<char, 4096> target{};
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  std::string device(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  if (device.empty()) device = mount_source(status.st_dev);
  const auto task = kernel_line(
      fmt::format("/sys/fs/ext4/{}/journal_task", device.substr(device.rfind('/') + 1)));
  if (!task) return Journal::unknown;
  return *task == "<none>" ? Journal::absent : Journal::there;
}

void look_at_file_system(StoreFacts& facts, FdRef dir) {
  struct statvfs system {};
  check(::fstatvfs(dir.get(), &system), "statvfs");
  facts.file_system = file_system_name(dir);
  facts.objection = objection(file_system_facts(dir)).value_or("");
  facts.free_bytes = free_bytes(dir);
  facts.free_inodes = system.f_files == 0 ? ~std::uint64_t{0} : system.f_favail;
  facts.is_read_only = (system.f_flag & ST_RDONLY) != 0;
  facts.is_noexec = (system.f_flag & ST_NOEXEC) != 0;
  facts.is_nosuid = (system.f_flag & ST_NOSUID) != 0;
  if (facts.file_system == "ext4") facts.journal = find_journal(dir);
}

void try_idmap(const TrialPlace& place, FdRef user_namespace) {
  if (const int error = idmap_refusal(place.path().c_str(), user_namespace))
    throw_errno(error, fmt::format("mapping the ids of '{}'", place.path()));
}

void try_place(PlaceFacts& facts, const TrialPlace& place, const Identity& identity,
               const IdMap& map, FdRef user_namespace) {
  StoreFacts& store = facts.store;
  store.usable = try_here([&] { try_file_system(place.dir()); });
  if (user_namespace.get() < 0 || !store.usable.worked || !store.objection.empty()) return;
  store.overlay = try_here([&] { try_overlay(place.make("overlay"), identity); });
  if (identity.privilege == Privilege::root)
    store.idmapped = try_here([&] { try_idmap(place, user_namespace); });
  const TrialRootfs rootfs = store.overlay.worked ? TrialRootfs::overlay : TrialRootfs::directory;
  facts.container = try_here([&] {
    run_trial_container(identity, map, place.make("container"), place.path() + "/container",
                        rootfs);
  });
}

} // namespace

PlaceFacts probe_place(const Identity& identity, const std::string& path, const IdMap& map,
                       FdRef user_namespace) {
  PlaceFacts facts;
  StoreFacts& store = facts.store;
  store.path = path;
  std::optional<Store> opened;
  store.opened = try_here([&] { opened = Store::open_existing(path, identity); });
  store.is_there = opened.has_value() || !store.opened.worked;
  store.place = opened ? path : existing_parent(path);
  const Trial looked = try_here([&] {
    const UniqueFd dir = open_path(store.place, O_RDONLY | O_DIRECTORY);
    look_at_file_system(store, dir);
  });
  if (!store.opened.worked) return facts;
  if (!looked.worked) store.opened = looked;
  const Trial placed = try_here([&] {
    const TrialPlace place(opened ? &*opened : nullptr, store.place);
    try_place(facts, place, identity, map, user_namespace);
  });
  if (!placed.worked) store.opened = placed;
  return facts;
}

} // namespace layerbox::doctor
