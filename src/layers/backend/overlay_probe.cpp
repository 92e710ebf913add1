// Whether overlayfs can be mounted by this user on the store's file system: remembered, or tried.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "layers/backend/overlay.hpp"
#include "layers/backend/probe_memory.hpp"
#include "layers/tree/overlay_dialect.hpp"

namespace layerbox {

namespace {

void check(int result, const char* what) {
  if (result < 0) throw_errno(errno, what);
}

// The kernel says of a file system that it does not know ENODEV.
void mount_overlay() {
  constexpr const char* kOptions = "userxattr,lowerdir=lower,upperdir=upper,workdir=work";
  if (::mount("overlay", "attach", "overlay", 0, kOptions) == 0) return;
  const int why = errno;
  if (why == ENODEV)
    throw Error(ErrorKind::unsupported, "the kernel has no overlayfs ('modprobe overlay')", why);
  throw_errno(why, "mounting overlayfs with userxattr");
}

// In a process of its own with a mount namespace of its own: mounts, writes, removes a lower file
// (which needs a whiteout), and looks. overlayfs falls back to read-only in silence when the file
// system cannot serve as its upper; the writing finds that out.
void mount_and_write(FdRef dir) {
  // Entered before: unshare(2) moves the working directory along into the new namespace, while a
  // descriptor would still lead to the old one's mounts, on which nothing can be mounted from here.
  check(::fchdir(dir.get()), "entering the store");
  check(::unshare(CLONE_NEWNS), "making a mount namespace");
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making mounts private");
  mount_overlay();
  const int merged = ::open("attach", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  check(merged, "opening the overlay");
  const UniqueFd owner(merged);
  write_new_file(owner, "new", "new", 0600);
  check(::unlinkat(merged, "old", 0), "removing a lower file in the overlay");
  const UniqueFd upper = open_beneath(dir, RelPath::parse("upper"), O_RDONLY | O_DIRECTORY);
  const auto whiteout = try_stat_at(upper, "old");
  if (!whiteout || !is_whiteout_node(*whiteout)) {
    throw Error(ErrorKind::unsupported, "overlayfs left no whiteout for a removed file");
  }
}

} // namespace

void try_overlay(FdRef dir, const Identity& identity) {
  for (const char* name : {"lower", "upper", "work", "attach"})
    make_dir_at(dir, name, 0755);
  write_new_file(open_beneath(dir, RelPath::parse("lower"), O_RDONLY | O_DIRECTORY), "old", "old",
                 0600);
  const UniqueFd ns = make_user_namespace(identity.store_map, identity);
  call_in_user_namespace(ns, [&] { mount_and_write(dir); });
}

BackendProbe probe_overlay(const Store& store, Remember remember) {
  try {
    fault_point("layers.overlay.probe");
    return probe_once(
        store, "overlay", remember, [&](FdRef dir) { try_overlay(dir, store.identity()); },
        "overlayfs with userxattr was mounted on the store's file system");
  } catch (const Error& error) {
    return {false, error.what()};
  }
}

} // namespace layerbox
