// pax_attributes: what one extended header says of the entry after it, as values.
//
// Known: path, linkpath, size, uid, gid, mtime; SCHILY.xattr.NAME (raw), LIBARCHIVE.xattr.NAME
// (encoded), SCHILY.acl.access and .default (text), SCHILY.devmajor and .devminor; GNU.sparse.* of
// the versions 0.0, 0.1 and 1.0. Other keys are skipped, but for two sparse dialects that
// libarchive would act upon and nobody writes (SUN.holesdata, SCHILY.realsize): these are refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "layers/import_limits.hpp"
#include "layers/tree/tree_sink.hpp"
#include "layers/tree/unheld.hpp"

namespace layerbox {

struct PaxAttributes {
  std::string path; // "": not given
  std::string sparse_name;
  std::string link;
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<TimeStamp> mtime;
  std::optional<std::int64_t> device_major;
  std::optional<std::int64_t> device_minor;
  XattrMap xattrs;
  bool sparse = false;
  bool map_in_body = false;
  Unheld dropped; // overlay_xattrs and acls
};

// Throws Error(corrupt), Error(limit_exceeded) past max_xattrs and max_xattr_bytes.
PaxAttributes parse_pax_attributes(std::string_view body, const ImportLimits& limits);

} // namespace layerbox
