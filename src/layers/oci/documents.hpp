// documents: the JSON that tells what images an archive holds. Each is read from bytes and checked
// for the fields that are used; the config has a file of its own (image_config.hpp).
//
// Throws everywhere: Error(corrupt) that names the document and the field; Error(unsupported) for
// documents of another kind or version.
//
// Source: OCI image-spec manifest.md, image-index.md, descriptor.md, image-layout.md; distribution
// manifest v2 schema 2; moby image/spec v1.2, "Combined Image JSON + Filesystem Changeset Format".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "layers/oci/platform.hpp"

namespace layerbox {

struct Descriptor {
  std::string media_type; // "" when it does not say
  Digest digest;
  std::uint64_t size_bytes = 0;
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> urls;

  bool is_index() const;    // an OCI image index or a docker manifest list
  bool is_manifest() const; // an image manifest of either
  // A statement about another manifest, put beside it by builders; not an image.
  bool is_attestation() const;
  // A layer whose bytes its maker asked not to distribute.
  bool is_foreign_layer() const;
};

struct ImageIndex {
  std::vector<Descriptor> manifests;
};

struct ImageManifest {
  Descriptor config;
  std::vector<Descriptor> layers; // bottom first
};

// One image of a docker-archive's manifest.json; names of members as written.
struct DockerImage {
  std::string config;
  std::vector<std::string> repo_tags; // none for null
  std::vector<std::string> layers;    // bottom first
};

// `name` is for messages: "index.json", "manifest sha256:…".
ImageIndex parse_index(std::string_view bytes, const std::string& name);
ImageManifest parse_manifest(std::string_view bytes, const std::string& name);
std::vector<DockerImage> parse_docker_manifest(std::string_view bytes);
// The file oci-layout: throws unless its version is 1.x.
void check_oci_layout(std::string_view bytes);

// The other way: the same values give the same bytes. Media types are OCI's.
inline constexpr std::string_view kOciConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciLayerType = "application/vnd.oci.image.layer.v1.tar"; // +gzip
std::string manifest_bytes(const ImageManifest& manifest);
std::string index_bytes(const ImageIndex& index);
std::string docker_manifest_bytes(const std::vector<DockerImage>& images);
std::string oci_layout_bytes();

// What a document without a media type is: whether it has "manifests".
bool looks_like_index(std::string_view bytes, const std::string& name);

} // namespace layerbox
