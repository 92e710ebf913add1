// tar_rules: what a name in a layer's tar means, and which names are refused. Functions over bytes;
// nothing here touches a file.
//
//     "./usr//bin/ls"        the entry usr/bin/ls
//     "etc/.wh.motd"         hide etc/motd of the layers below
//     "etc/.wh..wh..opq"     hide all that the layers below have in etc
//     ".wh..wh.plnk/1.2"     aufs's own book-keeping: skipped
//     "a/../b", ".wh.", "etc/.wh.x/y"   refused
//
// Source: OCI image-spec layer.md, "Whiteouts"; moby image/spec v1.2.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/rel_path.hpp"
#include "layers/import_limits.hpp"

namespace layerbox {

inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueName = ".wh..wh..opq";

enum class NameKind : std::uint8_t {
  entry,    // `path` itself
  whiteout, // `path` is what is hidden
  opaque,   // `path` is the directory
  skipped,  // aufs's own
};

struct TarName {
  NameKind kind = NameKind::entry;
  RelPath path;
};

// Throws Error(corrupt) for a name that is refused, Error(limit_exceeded) past max_depth.
TarName parse_tar_name(std::string_view raw, const ImportLimits& limits);
// What a hard link points at, by the same rules.
RelPath parse_link_target(std::string_view raw, const ImportLimits& limits);

} // namespace layerbox
