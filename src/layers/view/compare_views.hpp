// compare_views: what has to happen to one root file system to make it the other.
//
//     list_changes(image, container, who, [](ChangeKind kind, const RelPath& path) { … });
//     tell_changes(image, container, who, tar); // the layer that makes the one into the other
//
// Trees that both views end in are read only where a tree above them hides something: the time is
// that of what differs, not of what is there. Of a container on overlay only its upper directory is
// read.
//
// A name is changed when its type, owner, mode, modification time, attributes, size, device, target
// or content differ. Content is compared, byte by byte, wherever all else is the same. What was
// written and is as before is no change.
//   * A directory also counts as changed when something below it does: its layer needs it.
//   * Of the top alone, the modification time is no change by itself: any file put there changes
//   it.
//   * Nothing is said of what is below a name that was deleted, or replaced by something else.
//   * A file with several names comes with all of them when one of them is new, has changed, or was
//     another file before. That several names have become files of their own is no change.
//   * Sockets, and what a view hides, are not there.
// Whiteouts are told one by one, no directory as opaque.
#pragma once

#include <cstdint>
#include <functional>

#include "base/userns.hpp"
#include "layers/tree/tree_sink.hpp"
#include "layers/view/rootfs_view.hpp"

namespace layerbox {

enum class ChangeKind : std::uint8_t { added, changed, deleted };

using HearChange = std::function<void(ChangeKind, const RelPath&)>;

// Parents come before what is in them, siblings in byte order of their names. Throws Error, and
// what `hear` throws.
void list_changes(const RootfsView& before, const RootfsView& now, const Identity& who,
                  const HearChange& hear);
// The same as calls of `sink`, with the last one of finish(). Throws Error, and what `sink` throws.
void tell_changes(const RootfsView& before, const RootfsView& now, const Identity& who,
                  TreeSink& sink);

} // namespace layerbox
