// overlay: the kernel stacks the layer trees; a container adds one directory for what it writes.
//
// prepare makes four directories and no copy:
//
//     containers/<id>/upper    what the container writes; looks like the topmost tree's top (made
//                              as upper.new)
//     containers/<id>/work     overlayfs's own
//     containers/<id>/empty    an empty lower tree, only where overlayfs wants one more
//     containers/<id>/attach   where the container mounts the overlay; made last, so that its being
//                              there says that the others are ready
//
// The plan has one dialect for everybody: `userxattr`. With it the kernel follows no redirect and
// no metacopy note that a hostile layer could hold (it forces redirect_dir=nofollow, metacopy=off).
// Access::throw_away adds `volatile`: nothing is synced, not even at unmount. With
// Access::in_memory there is no upper and no work on disk: they will be in a tmpfs at `attach`.
//
// Whether overlayfs works here is tried once by really mounting one (overlay_probe.cpp); a success
// is remembered in derived/overlay/probe for this kernel, file system and kind of user, so that
// `--backend auto` costs a start four system calls. A failure is never remembered.
//
// Source: Linux Documentation/filesystems/overlayfs.rst.
#pragma once

#include "layers/backend/backend.hpp"

namespace layerbox {

BackendProbe probe_overlay(const Store& store, Remember remember);
MountPlan plan_overlay(const Store& store, std::string_view container_id,
                       std::span<const LayerKey> layers, Access access);
// Mounts one in `dir`, an empty directory, and writes to it; what that makes in `dir` stays. Throws
// Error that says why no overlay can be had there.
void try_overlay(FdRef dir, const Identity& identity);
std::unique_ptr<Backend> open_overlay(const Store& store);

} // namespace layerbox
