// layout: the only file that spells the names of the store's directories and files. All are
// relative to the store's root. docs/on-disk.md describes them.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "store/layer_key.hpp"

namespace layerbox::layout {

inline constexpr int kVersion = 1;
inline constexpr const char* kVersionFile = "version";
inline constexpr const char* kDatabase = "layerbox.db";
inline constexpr const char* kNames = "names"; // of images; made with the first one
inline constexpr const char* kLocks = "locks"; // an empty file; its byte ranges are the locks
inline constexpr const char* kBlobs = "blobs/sha256";
inline constexpr const char* kLayers = "layers/sha256";
inline constexpr const char* kDerived = "derived";
inline constexpr const char* kMeasured = "derived/measured"; // by bench, for --backend auto
inline constexpr const char* kSwept = "derived/swept";       // when nothing was left to sweep
inline constexpr const char* kContainers = "containers";
inline constexpr const char* kLiving = "living";      // <id>, their leases; made with the first one
inline constexpr const char* kVolumes = "volumes";    // made with the first volume
inline constexpr const char* kNetworks = "networks";  // <name>, a record; made with the first one
inline constexpr const char* kEvents = "events";      // what happened; made with the first event
inline constexpr const char* kOldEvents = "events.1"; // and before that
inline constexpr const char* kReserve = "reserve";    // room for removing on a full disk
inline constexpr const char* kStaging = "staging";
inline constexpr const char* kTrash = "trash";
inline constexpr const char* kDamaged = "damaged"; // set apart; made with the first

// In a layer's directory.
inline constexpr const char* kTree = "tree";
inline constexpr const char* kRecord = "record";
inline constexpr const char* kDescriptor = "descriptor";

// In a container's directory.
inline constexpr const char* kLease = "lease";
inline constexpr const char* kSpec = "spec";
inline constexpr const char* kRecipe = "recipe";   // how a kept one is run again
inline constexpr const char* kLog = "log";         // what a detached one wrote; older: log.1 …
inline constexpr const char* kConsole = "console"; // a socket: for who shows it in his terminal
inline constexpr const char* kStopped = "stopped"; // there while somebody wants it to stay ended
inline constexpr const char* kExecRecord = "exec"; // what holds a running container's commands
inline constexpr const char* kMounted = "mounted"; // there while it may be mounted for people
inline constexpr const char* kUpper = "upper";
inline constexpr const char* kUpperNew = "upper.new"; // one that does not look as it should yet
inline constexpr const char* kWork = "work";
inline constexpr const char* kRootfs = "rootfs";
inline constexpr const char* kAttach =
    "attach";                                  // an empty directory, mounted over in the container
inline constexpr const char* kEmpty = "empty"; // an empty lower tree
inline constexpr const char* kRootfsNew = "rootfs.new"; // a rootfs that is not whole yet
inline constexpr const char* kOwnVolumes = "volumes";   // <number>/, a volume without a name
inline constexpr const char* kOverlays = "overlays";    // <number>/, with upper/ and work/
inline constexpr const char* kName = "name";            // that it was given later
inline constexpr const char* kFreezer = "freezer";      // the cgroup that was made to pause it
inline constexpr const char* kHosts = "hosts";          // /etc/hosts of a container on a network
inline constexpr const char* kSnapshots = "snapshots";  // <name>/, what of it is copied, descriptor
inline constexpr const char* kRollback = "rollback";    // there while it goes back to a snapshot

// In a volume's directory, beside its descriptor.
inline constexpr const char* kVolumeData = "data";
inline constexpr const char* kVolumeFresh = "fresh";        // about to be moved into data
inline constexpr const char* kVolumeFreshNew = "fresh.new"; // not whole yet

std::string blob(const Digest& digest);                                   // blobs/sha256/<hex>
std::string derived_dir(std::string_view backend);                        // derived/<backend>
std::string derived_chain(std::string_view backend, const Digest& chain); // derived/<backend>/<hex>
std::string layer_dir(const LayerKey& key);                               // layers/sha256/<key>
std::string layer_tree(const LayerKey& key);              // layers/sha256/<key>/tree
std::string container_dir(std::string_view container_id); // containers/<id>
std::string volume_dir(std::string_view name);            // volumes/<name>
std::string volume_data(std::string_view name);           // volumes/<name>/data

} // namespace layerbox::layout
