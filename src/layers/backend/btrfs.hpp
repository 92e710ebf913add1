// btrfs: the chain is a subvolume, a container is a snapshot of it.
//
//     derived/btrfs/<ChainID>        the chain's subvolume (derived_chain.hpp), made with the first
//                                    container: its files share their blocks with the layers' trees
//     containers/<id>/rootfs         the container's snapshot
//
// A snapshot is there whole or not at all, however many files are in it. It costs a commit of the
// file system's transaction, which waits for what others are writing to it.
//
// An ordinary user makes subvolumes and snapshots as root does. To remove one he needs the mount
// option user_subvol_rm_allowed, else it is emptied file by file, which takes as long as it has
// files; base/remove_tree.hpp does either. Subvolumes that a container makes in its own go with it.
//
// Quota groups: where they are kept, each container has one, by which the file system's
// administrator sees and limits what it takes ("btrfs qgroup"). They make snapshots slower to
// remove; `info` says so.
//
// Source: btrfs-subvolume(8), btrfs-quota(8).
#pragma once

#include "layers/backend/backend.hpp"

namespace layerbox {

BackendProbe probe_btrfs(const Store& store, Remember remember);
MountPlan plan_btrfs(const Store& store, std::string_view container_id,
                     std::span<const LayerKey> layers, Access access);
std::unique_ptr<Backend> open_btrfs(const Store& store);

} // namespace layerbox
