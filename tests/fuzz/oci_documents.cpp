// index.json, indexes and manifests of OCI layouts: what was read is written so that it is read as
// the same. The input is read as all of them.
#include "layers/oci/documents.hpp"
#include "tests/fuzz/target.hpp"

namespace layerbox::fuzz {
namespace {

// All that is asked of a descriptor.
std::string summary(const Descriptor& descriptor) {
  std::string text = descriptor.media_type + '\n' + descriptor.digest.str() + '\n' +
                     std::to_string(descriptor.size_bytes);
  if (descriptor.platform) text += '\n' + descriptor.platform->str();
  for (const auto& [key, value] : descriptor.annotations)
    text.append(1, '\n').append(key).append(1, '=').append(value);
  for (const bool answer : {descriptor.is_index(), descriptor.is_manifest(),
                            descriptor.is_attestation(), descriptor.is_foreign_layer()})
    text += answer ? '1' : '0';
  return text;
}

std::string summary(const std::vector<Descriptor>& descriptors) {
  std::string text;
  for (const Descriptor& descriptor : descriptors)
    text += summary(descriptor) + '\n';
  return text;
}

bool run_index(std::string_view input) {
  const auto index = accepted([&] { return parse_index(input, "index.json"); });
  if (!index) return false;
  require(looks_like_index(input, "index.json"), "an index looks like one");
  const ImageIndex again = parse_index(index_bytes(*index), "the index");
  require(summary(again.manifests) == summary(index->manifests),
          "an index that was accepted is the same when it is written again");
  return true;
}

bool run_manifest(std::string_view input) {
  const auto manifest = accepted([&] { return parse_manifest(input, "manifest"); });
  if (!manifest) return false;
  const ImageManifest again = parse_manifest(manifest_bytes(*manifest), "the manifest");
  require(summary(again.config) == summary(manifest->config) &&
              summary(again.layers) == summary(manifest->layers),
          "a manifest that was accepted is the same when it is written again");
  return true;
}

} // namespace

bool run_oci_documents(std::string_view input) {
  const bool is_layout = accepted([&] { return (check_oci_layout(input), true); }).has_value();
  const bool is_index = run_index(input);
  const bool is_manifest = run_manifest(input);
  return is_layout || is_index || is_manifest;
}

std::vector<std::string> oci_documents_seeds() {
  const std::string digest = "sha256:" + std::string(64, 'a');
  return {
      R"({"imageLayoutVersion":"1.0.0"})",
      R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
          "digest":")" +
          digest +
          R"(","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"},
          "annotations":{"org.opencontainers.image.ref.name":"a:1"}},{"digest":")" +
          digest + R"(","size":2,"platform":{"os":"unknown","architecture":"unknown"}}]})",
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",
          "digest":")" +
          digest + R"(","size":7},"layers":[{"mediaType":"x.nondistributable","digest":")" +
          digest + R"(","size":18446744073709551615,"urls":["https://example.org"]}]})"};
}

} // namespace layerbox::fuzz
