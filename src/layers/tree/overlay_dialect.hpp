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
// Source: Linux Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories";
// fs/overlayfs/inode.c, ovl_get_inode(), "non-merge dir that may have whiteouts".
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <string_view>

namespace layerbox {

inline constexpr const char* kOpaqueXattr = "user.overlay.opaque";
inline constexpr std::string_view kOpaqueValue = "y";
inline constexpr const char* kWhiteoutsInsideXattr = "user.overlay.origin";

inline bool is_whiteout_node(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

// Attributes that steer overlayfs (also those escaped one level deeper, trusted.overlay.overlay.*).
// They are never taken from an archive and never shown as an attribute of a file.
inline bool is_overlay_xattr(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

} // namespace layerbox
