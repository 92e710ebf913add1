#include "layers/oci/documents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.hpp"
#include "layers/oci/image_config.hpp"
#include "layers/oci/json_document.hpp"

namespace layerbox {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct BadDocument {
  const char* rule;
  std::string from; // in the good document
  std::string to;
  std::string told; // what the error says
};

void expect_refused(const std::string& good, const std::vector<BadDocument>& table,
                    const std::function<void(const std::string&)>& parse) {
  ASSERT_NO_THROW(parse(good));
  for (const BadDocument& bad : table) {
    SCOPED_TRACE(bad.rule);
    try {
      parse(replaced(good, bad.from, bad.to));
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.told));
      EXPECT_TRUE(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::unsupported);
    }
  }
}

const std::string kConfig =
    R"({"architecture":"arm64","os":"linux","variant":"v8","created":"2024-01-02T03:04:05.5Z",
     "config":{"Entrypoint":["/init"],"Cmd":null,"Env":["A=1","B="],"User":"1000:100",
     "WorkingDir":"/srv","Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{}},"Volumes":{"/data":{}},
     "StopSignal":"SIGINT"},"rootfs":{"type":"layers","diff_ids":[")" +
    kDigest +
    R"("]},"history":[{"created_by":"COPY","empty_layer":true},{"comment":"c"}],"unknown":{"x":[1]}})";

TEST(ImageConfig, HasAllThatIsUsed) {
  const ImageConfig config = parse_image_config(kConfig);
  EXPECT_EQ(config.bytes, kConfig);
  EXPECT_EQ(config.id, sha256(kConfig));
  EXPECT_EQ(config.platform(), "linux/arm64/v8");
  EXPECT_EQ(config.created, "2024-01-02T03:04:05.5Z");
  EXPECT_EQ(config.diff_ids, std::vector<Digest>{Digest::parse(kDigest)});
  EXPECT_EQ(config.process.entrypoint, std::vector<std::string>{"/init"});
  EXPECT_EQ(config.process.cmd, std::nullopt);
  EXPECT_EQ(config.process.env, (std::vector<std::string>{"A=1", "B="}));
  EXPECT_EQ(config.process.user, "1000:100");
  EXPECT_EQ(config.process.working_dir, "/srv");
  EXPECT_EQ(config.process.labels.at("a"), "b");
  EXPECT_EQ(config.process.exposed_ports, std::vector<std::string>{"80/tcp"});
  EXPECT_EQ(config.process.volumes, std::vector<std::string>{"/data"});
  EXPECT_EQ(config.process.stop_signal, "SIGINT");
  ASSERT_EQ(config.history.size(), 2U);
  EXPECT_TRUE(config.history[0].empty_layer);
  EXPECT_EQ(config.history[1].comment, "c");
}

TEST(ImageConfig, NeedsNothingButItsLayers) {
  const ImageConfig config = parse_image_config(R"({"rootfs":{"diff_ids":null},"config":null})");
  EXPECT_TRUE(config.diff_ids.empty());
  EXPECT_EQ(config.process.entrypoint, std::nullopt);
}

TEST(ImageConfig, TakesTheLastOfAFieldThatComesTwice) {
  EXPECT_EQ(parse_image_config(R"({"os":"a","os":"b","rootfs":{}})").os, "b");
}

TEST(ImageConfig, RefusesWhatIsNotOne) {
  expect_refused(
      kConfig,
      {{"truncated", R"("unknown":{"x":[1]}})", R"("unknown":{"x":[1])", "is not JSON (byte "},
       {"no-rootfs", "rootfs", "rootfz", "field 'rootfs' is missing"},
       {"rootfs-type", "\"layers\"", "\"layerz\"", "field 'rootfs.type' is not 'layers'"},
       {"diff-id-short", kHex, kHex.substr(1), "field 'rootfs.diff_ids[0]' is not a sha256"},
       {"diff-id-upper", kHex, std::string(64, 'A'), "field 'rootfs.diff_ids[0]'"},
       {"diff-id-sha512", "sha256:", "sha512:", "only sha256 is supported"},
       {"diff-id-number", "\"" + kDigest + "\"", "17", "field 'rootfs.diff_ids[0]' is not a text"},
       {"os-object", "\"os\":\"linux\"", "\"os\":{}", "field 'os' is not a text"},
       {"config-array", "\"config\":{", "\"config\":[],\"x\":{", "field 'config"},
       {"env-text", R"(["A=1","B="])", "\"A=1\"", "field 'config.Env' is not an array"},
       {"env-null-item", R"("B=")", "null", "field 'config.Env[1]' is missing"},
       {"nul", "A=1", R"(A\u0000)", "field 'config.Env[0]' holds a NUL"},
       {"labels-array", R"({"a":"b"})", "[1]", "field 'config.Labels' is not an object"},
       {"empty-layer-text", "true", "\"true\"", "is neither true nor false"},
       {"not-utf8", "/srv", "\xff", "is not JSON"}},
      [](const std::string& text) { parse_image_config(text); });
}

const std::string kManifest = R"({"schemaVersion":2,"config":{"mediaType":
  "application/vnd.oci.image.config.v1+json","digest":")" +
                              kDigest + R"(","size":7},"layers":[{"mediaType":"x","digest":")" +
                              kDigest + R"(","size":9,"urls":["https://example.org"]}]})";

TEST(Manifest, HasConfigAndLayers) {
  const ImageManifest manifest = parse_manifest(kManifest, "manifest m");
  EXPECT_EQ(manifest.config.size_bytes, 7U);
  ASSERT_EQ(manifest.layers.size(), 1U);
  EXPECT_EQ(manifest.layers[0].size_bytes, 9U);
  EXPECT_EQ(manifest.layers[0].urls.size(), 1U);
}

TEST(Manifest, RefusesWhatIsNotOne) {
  expect_refused(
      kManifest,
      {{"version-1", "\"schemaVersion\":2", "\"schemaVersion\":1", "schema version 1"},
       {"no-version", "schemaVersion", "schemaVersionn", "'schemaVersion' is missing"},
       {"artifact", "image.config", "empty", "is not a container image"},
       {"no-config", "\"config\":", "\"confik\":", "field 'config' is missing"},
       {"size-negative", "\"size\":9", "\"size\":-9", "field 'layers[0].size'"},
       {"size-fraction", "\"size\":9", "\"size\":9.5", "field 'layers[0].size'"},
       {"size-text", "\"size\":9", "\"size\":\"9\"", "field 'layers[0].size'"},
       {"size-huge", "\"size\":9", "\"size\":99999999999999999999999", "field 'layers[0].size'"},
       {"size-no-number", "\"size\":9", "\"size\":1e999", "manifest m: is not JSON"},
       {"layers-object", "\"layers\":[", "\"layers\":{},\"x\":[", "'layers' is not an"},
       {"empty", kManifest, "", "manifest m: is not JSON"},
       {"text", kManifest, "\"text\"", "neither a JSON object nor an array"}},
      [](const std::string& text) { parse_manifest(text, "manifest m"); });
}

TEST(Index, TellsPlatformsAndAttestationsApart) {
  const ImageIndex index = parse_index(
      R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
      "digest":")" +
          kDigest + R"(","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"}},
      {"digest":")" +
          kDigest + R"(","size":2,"platform":{"os":"unknown","architecture":"unknown"}}]})",
      "index.json");
  ASSERT_EQ(index.manifests.size(), 2U);
  EXPECT_TRUE(index.manifests[0].is_manifest());
  EXPECT_EQ(index.manifests[0].platform->str(), "linux/arm/v7");
  EXPECT_FALSE(index.manifests[0].is_attestation());
  EXPECT_TRUE(index.manifests[1].is_attestation());
}

TEST(Index, RefusesWhatIsNotOne) {
  expect_refused(R"({"schemaVersion":2,"manifests":[]})",
                 {{"no-manifests", "manifests", "manifestos", "field 'manifests' is missing"},
                  {"object", "[]", "{}", "field 'manifests' is not an array"},
                  {"number-in-it", "[]", "[1]", "field 'manifests[0]' is not an object"},
                  {"null-in-it", "[]", "[null]", "field 'manifests[0]' is missing"}},
                 [](const std::string& text) { parse_index(text, "index.json"); });
}

TEST(DockerManifest, ListsImagesAndToleratesNullTags) {
  const auto images = parse_docker_manifest(
      R"([{"Config":"c.json","RepoTags":null,"Layers":["l.tar"]},
          {"Config":"d.json","RepoTags":["a:1","b:2"],"Layers":[]}])");
  ASSERT_EQ(images.size(), 2U);
  EXPECT_TRUE(images[0].repo_tags.empty());
  EXPECT_EQ(images[1].repo_tags.size(), 2U);
}

TEST(DockerManifest, RefusesWhatIsNotOne) {
  expect_refused(R"([{"Config":"c.json","RepoTags":[],"Layers":["l.tar"]}])",
                 {{"no-config", "Config", "Confik", "manifest.json: field '[0].Config' is missing"},
                  {"layers-text", "[\"l.tar\"]", "\"l.tar\"", "field '[0].Layers' is not an array"},
                  {"object", R"([{"Config":"c.json","RepoTags":[],"Layers":["l.tar"]}])", "{}",
                   "the document is not an array"}},
                 [](const std::string& text) { parse_docker_manifest(text); });
}

TEST(Documents, AreReadAsTheyWereWritten) {
  Descriptor config{std::string(kOciConfigType), sha256("config"), 7, {}, {}, {}};
  Descriptor layer{std::string(kOciLayerType) + "+gzip", sha256("layer"), 1ULL << 40, {}, {}, {}};
  const ImageManifest manifest = parse_manifest(manifest_bytes({config, {layer, layer}}), "it");
  EXPECT_EQ(manifest.config.digest, config.digest);
  ASSERT_EQ(manifest.layers.size(), 2U);
  EXPECT_EQ(manifest.layers[1].media_type, layer.media_type);
  EXPECT_EQ(manifest.layers[1].size_bytes, layer.size_bytes);

  Descriptor entry{std::string(kOciManifestType),
                   sha256("m"),
                   1,
                   Platform{"linux", "arm", "v7"},
                   {{"org.opencontainers.image.ref.name", "a:1"}},
                   {}};
  const ImageIndex index = parse_index(index_bytes({{entry}}), "it");
  ASSERT_EQ(index.manifests.size(), 1U);
  EXPECT_TRUE(index.manifests[0].is_manifest());
  EXPECT_EQ(index.manifests[0].platform, entry.platform);
  EXPECT_EQ(index.manifests[0].annotations, entry.annotations);

  const auto images = parse_docker_manifest(
      docker_manifest_bytes({{"a.json", {"a:1", "b:2"}, {"1.tar", "1.tar"}}, {"b.json", {}, {}}}));
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].repo_tags, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(images[0].layers, (std::vector<std::string>{"1.tar", "1.tar"}));
  EXPECT_TRUE(images[1].repo_tags.empty());
  check_oci_layout(oci_layout_bytes());
}

TEST(OciLayoutFile, MustBeOfVersionOne) {
  EXPECT_NO_THROW(check_oci_layout(R"({"imageLayoutVersion":"1.0.0"})"));
  EXPECT_THROW(check_oci_layout(R"({"imageLayoutVersion":"2.0.0"})"), Error);
  EXPECT_THROW(check_oci_layout("{}"), Error);
}

TEST(JsonDocument, HasALimitOnDepth) {
  const auto nested = [](int levels) {
    return std::string(static_cast<std::size_t>(levels), '[') +
           std::string(static_cast<std::size_t>(levels), ']');
  };
  EXPECT_NO_THROW(JsonDocument(nested(JsonDocument::kMaxDepth), "d"));
  try {
    JsonDocument(nested(1'000'000), "d");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("d: "), HasSubstr("nested deeper")));
  }
}

TEST(Platform, IsReadAndCompared) {
  EXPECT_EQ(Platform::parse("linux/arm/v7").variant, "v7");
  for (const char* bad : {"", "linux", "linux/", "/arm", "a/b/c/d", "linux//v7"})
    EXPECT_THROW(Platform::parse(bad), Error) << bad;
  EXPECT_TRUE(Platform::parse("linux/arm64").fits(Platform::parse("linux/arm64/v8")));
  EXPECT_FALSE(Platform::parse("linux/arm/v6").fits(Platform::parse("linux/arm/v7")));
  EXPECT_FALSE(Platform::parse("linux/amd64").fits(Platform::parse("windows/amd64")));
  EXPECT_EQ(Platform::of_this_machine().os, "linux");
  EXPECT_NE(Platform::of_this_machine().architecture, "");
}

} // namespace
} // namespace layerbox
