// manifest.json of docker-archives: what was read is written so that it is read as the same.
#include "layers/oci/documents.hpp"
#include "tests/fuzz/target.hpp"

namespace layerbox::fuzz {

bool run_docker_manifest(std::string_view input) {
  const auto images = accepted([&] { return parse_docker_manifest(input); });
  if (!images) return false;
  const std::string written = docker_manifest_bytes(*images);
  require(docker_manifest_bytes(parse_docker_manifest(written)) == written,
          "a list of images that was accepted is the same when it is written again");
  return true;
}

std::vector<std::string> docker_manifest_seeds() {
  return {R"([{"Config":"c.json","RepoTags":["a:1","b:2"],"Layers":["l.tar","m/layer.tar"]}])",
          R"([{"Config":"c.json","RepoTags":null,"Layers":["l.tar"],"LayerSources":{"x":{}}},
              {"Config":"blobs/sha256/ab","Layers":[]}])",
          R"([])", R"({"Config":"\u00e4\n","RepoTags":[1.5e3,-7,true]})"};
}

} // namespace layerbox::fuzz
