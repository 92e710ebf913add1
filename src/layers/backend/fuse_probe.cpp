// Whether fuse-overlayfs serves this user on the store's file system, and in words that we read:
// remembered, or tried.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/fuse_overlayfs.hpp"
#include "layers/backend/fuse_backend.hpp"
#include "layers/backend/probe_memory.hpp"
#include "layers/tree/dir_reader.hpp"
#include "layers/tree/overlay_dialect.hpp"

namespace layerbox {

namespace {

constexpr const char* kFuseOverlayfs = "fuse-overlayfs";

void succeed(int result, const char* what) {
  if (result < 0) throw_errno(errno, what);
}

// All that makes marks: a file of below is removed, a directory of below replaced.
void change_files(FdRef root) {
  write_new_file(root, "new", "new", 0600);
  succeed(::unlinkat(root.get(), "old", 0), "removing a lower file through fuse-overlayfs");
  const UniqueFd directory = open_beneath(root, RelPath::parse("directory"), kOpenDir);
  succeed(::unlinkat(directory.get(), "old", 0), "removing a lower file through fuse-overlayfs");
  succeed(::unlinkat(root.get(), "directory", AT_REMOVEDIR), "removing a lower directory");
  succeed(::mkdirat(root.get(), "directory", 0755), "replacing a lower directory");
}

void look_at_marks(FdRef dir) {
  const UniqueFd upper = open_beneath(dir, RelPath::parse("upper"), kOpenDir);
  const auto whiteout = try_stat_at(upper, "old");
  if (!whiteout || !is_whiteout_node(*whiteout))
    throw Error(ErrorKind::unsupported, "fuse-overlayfs left no whiteout for a removed file");
  const UniqueFd directory = open_beneath(upper, RelPath::parse("directory"), kOpenDir);
  if (!is_opaque_dir(directory, Dialect::fuse_overlayfs))
    throw Error(ErrorKind::unsupported,
                "fuse-overlayfs left no mark that is known on a replaced directory");
}

// In a process of its own, the root of a user namespace.
void serve_and_write(FdRef dir) {
  succeed(::fchdir(dir.get()), "entering the store");
  succeed(::unshare(CLONE_NEWNS), "making a mount namespace");
  succeed(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making mounts private");
  std::array<char, PATH_MAX> here{};
  if (::getcwd(here.data(), here.size()) == nullptr) throw_errno(errno, "finding the store");
  MountPlan plan;
  plan.anchor = here.data();
  plan.kind = RootfsKind::fuse_overlayfs;
  plan.lower = {"lower"};
  plan.upper = "upper";
  plan.work = "work";
  UniqueFd device = open_fuse_device();
  UniqueFd mount = mount_fuse(device, kFuseOverlayfs, MOUNT_ATTR_NODEV);
  FuseOverlayfs server(plan, std::move(device), FdRef(-1));
  const auto end = [&] {
    mount.reset(); // the server ends with it
    if (const std::string lost = server.finish(); !lost.empty())
      throw Error(ErrorKind::unsupported, lost);
  };
  try {
    change_files(open_beneath(mount, RelPath(), kOpenDir));
  } catch (const Error&) {
    end();
    throw;
  }
  end();
  look_at_marks(dir);
}

void try_fuse_overlayfs(FdRef dir, const Identity& identity) {
  for (const char* name : {"lower", "upper", "work"})
    make_dir_at(dir, name, 0755);
  const UniqueFd lower = open_beneath(dir, RelPath::parse("lower"), kOpenDir);
  write_new_file(lower, "old", "old", 0600);
  write_new_file(make_or_open_dir_at(lower, "directory", 0755), "old", "old", 0600);
  const UniqueFd ns = make_user_namespace(identity.store_map, identity);
  call_in_user_namespace(ns, [&] { serve_and_write(dir); });
}

} // namespace

BackendProbe probe_fuse_overlayfs(const Store& store, Remember remember) {
  try {
    (void)find_fuse_overlayfs(); // it may have gone since
    return probe_once(
        store, kFuseOverlayfs, remember,
        [&](FdRef dir) { try_fuse_overlayfs(dir, store.identity()); },
        "fuse-overlayfs serves on the store's file system");
  } catch (const Error& error) {
    const std::string& hint = error.hint();
    return {false, error.what() + (hint.empty() ? "" : ": " + hint)};
  }
}

} // namespace layerbox
