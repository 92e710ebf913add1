#include "layers/oci/documents.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "layers/oci/json_document.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";

Platform platform_of(const JsonField& field) {
  return {field["os"].text_or(""), field["architecture"].text_or(""), field["variant"].text_or("")};
}

Descriptor descriptor_of(const JsonField& field) {
  if (field.missing()) field.fail("is missing");
  Descriptor descriptor;
  descriptor.media_type = field["mediaType"].text_or("");
  descriptor.digest = field["digest"].digest();
  descriptor.size_bytes = field["size"].number();
  if (!field["platform"].missing()) descriptor.platform = platform_of(field["platform"]);
  for (const auto& [key, value] : field["annotations"].members())
    descriptor.annotations[key] = value.text_or("");
  descriptor.urls = field["urls"].texts();
  return descriptor;
}

nlohmann::json descriptor_json(const Descriptor& descriptor) {
  nlohmann::json json = {{"mediaType", descriptor.media_type},
                         {"digest", descriptor.digest.str()},
                         {"size", descriptor.size_bytes}};
  if (descriptor.platform) {
    json["platform"] = {{"os", descriptor.platform->os},
                        {"architecture", descriptor.platform->architecture}};
    if (!descriptor.platform->variant.empty())
      json["platform"]["variant"] = descriptor.platform->variant;
  }
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  return json;
}

nlohmann::json descriptors_json(const std::vector<Descriptor>& descriptors) {
  nlohmann::json list = nlohmann::json::array();
  for (const Descriptor& descriptor : descriptors)
    list.push_back(descriptor_json(descriptor));
  return list;
}

void check_version(const JsonField& root) {
  const JsonField version = root["schemaVersion"];
  if (version.number() == 2) return;
  throw Error(ErrorKind::unsupported, "a manifest of schema version " +
                                          std::to_string(version.number()) +
                                          " cannot be imported, only version 2")
      .set_hint("docker and skopeo copy old images to the present form");
}

} // namespace

bool Descriptor::is_index() const {
  return media_type == kOciIndex || media_type == kDockerList;
}

bool Descriptor::is_manifest() const {
  return media_type == kOciManifestType || media_type == kDockerManifest;
}

bool Descriptor::is_attestation() const {
  if (annotations.contains("vnd.docker.reference.digest")) return true;
  return platform && platform->os == "unknown" && platform->architecture == "unknown";
}

bool Descriptor::is_foreign_layer() const {
  return media_type.find("nondistributable") != std::string::npos ||
         media_type.find(".foreign.") != std::string::npos;
}

ImageIndex parse_index(std::string_view bytes, const std::string& name) {
  const JsonDocument document(bytes, name);
  const JsonField root = document.root();
  with_context([&] { return name; }, [&] { check_version(root); });
  if (root["manifests"].missing()) root["manifests"].fail("is missing");
  ImageIndex index;
  for (const JsonField& item : root["manifests"].items())
    index.manifests.push_back(descriptor_of(item));
  return index;
}

ImageManifest parse_manifest(std::string_view bytes, const std::string& name) {
  const JsonDocument document(bytes, name);
  const JsonField root = document.root();
  with_context([&] { return name; }, [&] { check_version(root); });
  ImageManifest manifest;
  manifest.config = descriptor_of(root["config"]);
  const std::string& type = manifest.config.media_type;
  if (!type.empty() && type != kOciConfigType && type != kDockerConfig)
    throw Error(ErrorKind::unsupported,
                name + ": is not a container image: its config has the type '" + printable(type) +
                    "'");
  for (const JsonField& item : root["layers"].items())
    manifest.layers.push_back(descriptor_of(item));
  return manifest;
}

std::vector<DockerImage> parse_docker_manifest(std::string_view bytes) {
  const JsonDocument document(bytes, "manifest.json");
  std::vector<DockerImage> images;
  for (const JsonField& item : document.root().items()) {
    DockerImage image;
    image.config = item["Config"].text();
    image.repo_tags = item["RepoTags"].texts();
    image.layers = item["Layers"].texts();
    images.push_back(std::move(image));
  }
  return images;
}

void check_oci_layout(std::string_view bytes) {
  const JsonDocument document(bytes, "oci-layout");
  const std::string version = document.root()["imageLayoutVersion"].text();
  if (version.rfind("1.", 0) != 0)
    throw Error(ErrorKind::unsupported,
                "oci-layout: version '" + printable(version) + "' is not supported, only 1.x");
}

std::string manifest_bytes(const ImageManifest& manifest) {
  const nlohmann::json json = {{"schemaVersion", 2},
                               {"mediaType", kOciManifestType},
                               {"config", descriptor_json(manifest.config)},
                               {"layers", descriptors_json(manifest.layers)}};
  return json.dump();
}

std::string index_bytes(const ImageIndex& index) {
  const nlohmann::json json = {{"schemaVersion", 2},
                               {"mediaType", kOciIndex},
                               {"manifests", descriptors_json(index.manifests)}};
  return json.dump();
}

std::string docker_manifest_bytes(const std::vector<DockerImage>& images) {
  nlohmann::json list = nlohmann::json::array();
  for (const DockerImage& image : images) {
    const nlohmann::json tags =
        image.repo_tags.empty() ? nlohmann::json(nullptr) : nlohmann::json(image.repo_tags);
    list.push_back({{"Config", image.config}, {"RepoTags", tags}, {"Layers", image.layers}});
  }
  return list.dump();
}

std::string oci_layout_bytes() {
  return nlohmann::json{{"imageLayoutVersion", "1.0.0"}}.dump();
}

bool looks_like_index(std::string_view bytes, const std::string& name) {
  const JsonDocument document(bytes, name);
  return !document.root()["manifests"].missing();
}

} // namespace layerbox
