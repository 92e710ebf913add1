// view_path: a name in a view, found as a process in the root file system would find it.
//
//     /data → /srv/data:   find_in_view(view, "/data/x", LastLink::keep)->path == "srv/data/x"
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "layers/view/rootfs_view.hpp"

namespace layerbox {

inline constexpr int kMaxViewLinks = 40; // path_resolution(7): more is ELOOP

struct ViewPlace {
  RelPath path;      // without any symlink on it
  MergedEntry entry; // of the top: no name
};

enum class LastLink : std::uint8_t { keep, follow }; // a symlink that the name itself is

// Nothing when there is no such name, or symlinks lead nowhere or in circles; ".." of the top is
// the top. What the view hides is not there. Throws Error.
std::optional<ViewPlace> find_in_view(const RootfsView& view, std::string_view name, LastLink last);

// The parts of the directory `name`, with symlinks on its way and its own followed: a view of its
// own. Nothing when no directory is there.
std::optional<RootfsView> directory_in_view(const RootfsView& view, std::string_view name);

// The entry at `path` itself, without following anything.
std::optional<ViewPlace> look_in_view(const RootfsView& view, const RelPath& path);

} // namespace layerbox
