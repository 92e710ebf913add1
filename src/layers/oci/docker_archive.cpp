#include "layers/oci/docker_archive.hpp"

#include "base/error.hpp"
#include "layers/oci/documents.hpp"

namespace layerbox {
namespace {

const RelPath& manifest_path() {
  static const RelPath kPath = RelPath::parse("manifest.json");
  return kPath;
}

RelPath member_path(const std::string& name) {
  try {
    return RelPath::parse(name);
  } catch (const Error& error) {
    throw Error(ErrorKind::corrupt, std::string("manifest.json: ") + error.what());
  }
}

std::optional<Digest> blob_digest(const std::string& name) {
  constexpr std::string_view kBlobs = "blobs/sha256/";
  if (name.rfind(kBlobs, 0) != 0) return std::nullopt;
  return Digest::from_hex(std::string_view(name).substr(kBlobs.size()));
}

// The digest that a config's name claims: blobs/sha256/<hex>, <hex>.json, sha256:<hex>.
std::optional<Digest> claimed_config_digest(const std::string& name) {
  if (const auto digest = blob_digest(name)) return digest;
  std::string_view text = name;
  if (text.substr(0, 7) == "sha256:") text.remove_prefix(7);
  if (text.size() > 5 && text.substr(text.size() - 5) == ".json") text.remove_suffix(5);
  return Digest::from_hex(text);
}

ImageConfig read_config(const SourceFiles& files, const std::string& name,
                        const ImportLimits& limits) {
  ImageConfig config =
      parse_image_config(read_document(files, member_path(name), limits.max_document_bytes));
  const auto claimed = claimed_config_digest(name);
  if (claimed && *claimed != config.id)
    throw Error(ErrorKind::corrupt, "image config '" + printable(name) +
                                        "': its content has the digest " + config.id.str());
  return config;
}

SourceLayer layer_of(const SourceFiles& files, const std::string& name, const Digest& diff_id) {
  SourceLayer layer;
  layer.diff_id = diff_id;
  layer.blob_digest = blob_digest(name);
  layer.open = [&files, path = member_path(name)] {
    auto file = files.open(path);
    if (!file)
      throw Error(ErrorKind::corrupt, "the archive lacks member '" + printable(path.str()) + "'");
    return std::move(*file);
  };
  return layer;
}

SourceImage image_of(const SourceFiles& files, const DockerImage& entry,
                     const ImportLimits& limits) {
  SourceImage image;
  image.config = read_config(files, entry.config, limits);
  check_layer_count(image.config, entry.layers.size());
  for (std::size_t i = 0; i < entry.layers.size(); ++i)
    image.layers.push_back(layer_of(files, entry.layers[i], image.config.diff_ids[i]));
  image.names = entry.repo_tags;
  return image;
}

} // namespace

bool is_docker_archive(const SourceFiles& files) {
  return files.open(manifest_path()).has_value();
}

std::vector<SourceImage> docker_archive_images(const SourceFiles& files,
                                               const ImportLimits& limits) {
  const auto entries =
      parse_docker_manifest(read_document(files, manifest_path(), limits.max_document_bytes));
  std::vector<SourceImage> images;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    SourceImage image = with_context([&] { return "manifest.json, image " + std::to_string(i); },
                                     [&] { return image_of(files, entries[i], limits); });
    image.positions = {i};
    merge_image(images, std::move(image));
  }
  return images;
}

} // namespace layerbox
