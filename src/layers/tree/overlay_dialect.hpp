// overlay_dialect: how a layer tree says "this hides what is below", in the words of overlayfs's
// `userxattr` mode, so that a tree can be mounted as it stands by root and by everyone else.
//
//     whiteout of NAME   a character device 0:0 called NAME
//     opaque directory   the attribute user.overlay.opaque = "y"
//     whiteouts inside   the attribute user.overlay.origin, of no bytes, on each directory that has
//                        whiteouts in it
//
// The last is for overlayfs's eyes only. It reads a directory that it merges with nothing straight
// from the layer, and would show the whiteouts in it as names, unless the directory looks as if it
// had been copied up; an origin of no bytes says "copied up, from where is not known".
//
// What a container on fuse-overlayfs has written is told in other words, as its version 1.10 has
// them for who has no CAP_SYS_ADMIN on the host:
//
//     whiteout of NAME   the same
//     opaque directory   the attribute user.fuseoverlayfs.opaque = "y"
//     names .wh.…        its own notes, which no program inside has made or can see
//
// A container can set neither that attribute nor, on overlay, the other one; but on overlay it can
// set the first, and on fuse-overlayfs the second: so a tree is read in one dialect.
//
// Source: Linux Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories";
// fs/overlayfs/inode.c, ovl_get_inode(), "non-merge dir that may have whiteouts".
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <string_view>

namespace layerbox {

inline constexpr const char* kOpaqueXattr = "user.overlay.opaque";
inline constexpr std::string_view kOpaqueValue = "y";
inline constexpr const char* kWhiteoutsInsideXattr = "user.overlay.origin";

inline constexpr const char* kFuseOpaqueXattr = "user.fuseoverlayfs.opaque";

enum class Dialect : std::uint8_t { overlay, fuse_overlayfs };

// A name that is none in a tree of this dialect.
inline bool is_note_name(std::string_view name, Dialect dialect) {
  return dialect == Dialect::fuse_overlayfs && name.starts_with(".wh.");
}

inline bool is_whiteout_node(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

// Attributes that steer overlayfs (also those escaped one level deeper, trusted.overlay.overlay.*),
// or fuse-overlayfs. They are never taken from an archive and never shown as an attribute of a
// file.
inline bool is_overlay_xattr(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.") ||
         name.starts_with("user.fuseoverlayfs.") || name.starts_with("security.fuseoverlayfs.") ||
         name == "user.containers.override_stat";
}

} // namespace layerbox
