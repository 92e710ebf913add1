// overlay_dialect: how a layer tree says "this hides what is below", in the words of overlayfs's
// `userxattr` mode, so that a tree can be mounted as it stands by root and by everyone else.
//
//     whiteout of NAME   a character device 0:0 called NAME
//     opaque directory   the attribute user.overlay.opaque = "y"
//
// Source: Linux Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <string_view>

namespace layerbox {

inline constexpr const char* kOpaqueXattr = "user.overlay.opaque";
inline constexpr std::string_view kOpaqueValue = "y";

inline bool is_whiteout_node(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

// Attributes that steer overlayfs (also those escaped one level deeper, trusted.overlay.overlay.*).
// They are never taken from an archive and never shown as an attribute of a file.
inline bool is_overlay_xattr(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

} // namespace layerbox
