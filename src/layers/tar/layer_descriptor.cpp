#include "layers/tar/layer_descriptor.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tar/pax_records.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._/+~").find(c) != std::string_view::npos;
}

std::string encode(const RelPath& path) {
  std::string text;
  for (const char c : path.str()) {
    if (is_plain(c))
      text += c;
    else
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

json unheld_json(const Unheld& u) {
  return {{"devices", u.devices},
          {"owners", u.owners},
          {"xattrs", u.xattrs},
          {"acls", u.acls},
          {"overlay_xattrs", u.overlay_xattrs},
          {"sockets", u.sockets}};
}

Unheld unheld_of(const json& j) {
  Unheld u;
  u.devices = j.at("devices").get<std::uint64_t>();
  u.owners = j.at("owners").get<std::uint64_t>();
  u.xattrs = j.at("xattrs").get<std::uint64_t>();
  u.acls = j.at("acls").get<std::uint64_t>();
  u.overlay_xattrs = j.at("overlay_xattrs").get<std::uint64_t>();
  u.sockets = j.at("sockets").get<std::uint64_t>();
  return u;
}

LayerDescriptor descriptor_of(const json& j) {
  if (j.at("version").get<int>() != kVersion)
    throw Error(ErrorKind::unsupported, "the layer descriptor is of another version");
  LayerDescriptor d;
  d.row.key.diff_id = Digest::parse(j.at("diff_id").get<std::string>());
  if (!j.at("below").is_null()) d.row.key.below = Digest::parse(j.at("below").get<std::string>());
  d.row.size_bytes = j.at("size_bytes").get<std::uint64_t>();
  d.row.tar_bytes = j.at("tar_bytes").get<std::uint64_t>();
  d.row.source_bytes = j.at("source_bytes").get<std::uint64_t>();
  d.row.entries = j.at("entries").get<std::uint64_t>();
  d.row.imported = j.at("imported").get<std::int64_t>();
  for (const json& path : j.at("implied"))
    d.implied.push_back(RelPath::parse(decode_percent(path.get<std::string>())));
  d.unheld = unheld_of(j.at("unheld"));
  return d;
}

} // namespace

void write_descriptor(FdRef layer_dir, const LayerDescriptor& descriptor) {
  const LayerRow& row = descriptor.row;
  json implied = json::array();
  for (const RelPath& path : descriptor.implied)
    implied.push_back(encode(path));
  const json document = {{"version", kVersion},
                         {"diff_id", row.key.diff_id.str()},
                         {"below", row.key.below ? json(row.key.below->str()) : json(nullptr)},
                         {"size_bytes", row.size_bytes},
                         {"tar_bytes", row.tar_bytes},
                         {"source_bytes", row.source_bytes},
                         {"entries", row.entries},
                         {"imported", row.imported},
                         {"implied", std::move(implied)},
                         {"unheld", unheld_json(descriptor.unheld)}};
  write_new_file(layer_dir, layout::kDescriptor, document.dump() + '\n', 0644);
}

LayerDescriptor read_descriptor(FdRef layer_dir) {
  const std::string text =
      read_small_file(layer_dir, RelPath::parse(layout::kDescriptor), kMaxBytes);
  try {
    return descriptor_of(json::parse(text));
  } catch (const json::exception& error) {
    throw Error(ErrorKind::corrupt,
                std::string("the layer descriptor is damaged: ") + printable(error.what()));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::invalid_argument) throw;
    throw Error(ErrorKind::corrupt,
                std::string("the layer descriptor is damaged: ") + error.what());
  }
}

} // namespace layerbox
