#include "layers/tar/pax_attributes.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "layers/tar/pax_records.hpp"
#include "layers/tar/posix_acl.hpp"
#include "layers/tar/tar_fields.hpp"
#include "layers/tree/metadata_writer.hpp"
#include "layers/tree/overlay_dialect.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kSchilyXattr = "SCHILY.xattr.";
constexpr std::string_view kLibarchiveXattr = "LIBARCHIVE.xattr.";
constexpr std::string_view kSparse = "GNU.sparse.";
constexpr std::size_t kMaxXattrName = 255; // XATTR_NAME_MAX, xattr(7)

[[noreturn]] void refuse_attribute(const std::string& why) {
  throw Error(ErrorKind::corrupt, why);
}

std::string clean_name(std::string_view key, std::string_view value) {
  if (value.find('\0') != std::string_view::npos)
    refuse_attribute(fmt::format("the pax {} '{}' holds a NUL byte", printable(key),
                                 printable(value.substr(0, 200))));
  return std::string(value);
}

class Reader {
 public:
  Reader(const ImportLimits& limits, PaxAttributes& out) : limits_(limits), out_(out) {}

  void take(std::string_view key, std::string_view value) {
    if (key.starts_with(kSchilyXattr)) {
      xattr(key.substr(kSchilyXattr.size()), std::string(value));
    } else if (key.starts_with(kLibarchiveXattr)) {
      xattr(decode_percent(key.substr(kLibarchiveXattr.size())), decode_base64(value));
    } else if (key.starts_with(kSparse)) {
      sparse(key.substr(kSparse.size()), value);
    } else if (key == "SCHILY.acl.access") {
      acl(kAccessAclXattr, value);
    } else if (key == "SCHILY.acl.default") {
      acl(kDefaultAclXattr, value);
    } else if (key == "SUN.holesdata" || key == "SCHILY.realsize") {
      refuse_attribute("a sparse file in the dialect of " + std::string(key) +
                       ", which is not supported");
    } else if (!value.empty()) { // an empty value takes the key back
      plain(key, value);
    }
  }

  void finish() {
    // Only 1.0 writes a version, and only that has its map in the body.
    if (major_ == 1 && minor_ == 0)
      out_.map_in_body = true;
    else if (major_ != kNone || minor_ != kNone)
      refuse_attribute("a sparse file of an unknown version");
  }

 private:
  void plain(std::string_view key, std::string_view value) {
    if (key == "path")
      out_.path = clean_name(key, value);
    else if (key == "linkpath")
      out_.link = clean_name(key, value);
    else if (key == "size")
      out_.size = static_cast<std::uint64_t>(parse_decimal(value, key));
    else if (key == "uid")
      out_.uid = checked_id(parse_decimal(value, key), key);
    else if (key == "gid")
      out_.gid = checked_id(parse_decimal(value, key), key);
    else if (key == "mtime")
      out_.mtime = parse_pax_time(value, key);
    else if (key == "SCHILY.devmajor")
      out_.device_major = parse_decimal(value, key);
    else if (key == "SCHILY.devminor")
      out_.device_minor = parse_decimal(value, key);
  }

  void xattr(std::string_view name, std::string value) {
    if (name.empty()) refuse_attribute("an extended attribute without a name");
    if (name.find('\0') != std::string_view::npos)
      refuse_attribute("the name of the extended attribute '" + printable(name) +
                       "' holds a NUL byte");
    if (name.size() > kMaxXattrName)
      refuse_attribute("the name of an extended attribute passes 255 bytes");
    if (is_overlay_xattr(name)) {
      ++out_.dropped.overlay_xattrs;
      return;
    }
    if (value.size() > limits_.max_xattr_bytes)
      throw Error(ErrorKind::limit_exceeded,
                  fmt::format("the extended attribute {} has {} bytes; the limit is {} "
                              "(--max-xattr-bytes)",
                              printable(name), value.size(), limits_.max_xattr_bytes))
          .set_hint("--max-xattr-bytes raises the limit");
    out_.xattrs.insert_or_assign(std::string(name), std::move(value));
    if (out_.xattrs.size() > limits_.max_xattrs)
      throw Error(
          ErrorKind::limit_exceeded,
          fmt::format("more than {} extended attributes (--max-xattrs)", limits_.max_xattrs))
          .set_hint("--max-xattrs raises the limit");
  }

  void acl(const char* name, std::string_view text) {
    if (auto value = posix_acl_xattr(text))
      out_.xattrs.insert_or_assign(name, std::move(*value));
    else
      ++out_.dropped.acls;
  }

  void sparse(std::string_view key, std::string_view value) {
    out_.sparse = true;
    if (key == "name")
      out_.sparse_name = clean_name(key, value);
    else if (key == "major")
      major_ = parse_decimal(value, "GNU.sparse.major");
    else if (key == "minor")
      minor_ = parse_decimal(value, "GNU.sparse.minor");
    else if (key == "map")
      sparse_map(value);
    else
      parse_decimal(value, "GNU.sparse." + std::string(key));
  }

  static void sparse_map(std::string_view map) {
    while (!map.empty()) {
      const std::size_t comma = std::min(map.find(','), map.size());
      parse_decimal(map.substr(0, comma), "GNU.sparse.map");
      map.remove_prefix(std::min(comma + 1, map.size()));
    }
  }

  const ImportLimits& limits_;
  PaxAttributes& out_;
  static constexpr std::int64_t kNone = -1;
  std::int64_t major_ = kNone;
  std::int64_t minor_ = kNone;
};

} // namespace

PaxAttributes parse_pax_attributes(std::string_view body, const ImportLimits& limits) {
  PaxAttributes attributes;
  Reader reader(limits, attributes);
  for_each_pax_record(
      body, [&](std::string_view key, std::string_view value) { reader.take(key, value); });
  reader.finish();
  return attributes;
}

} // namespace layerbox
