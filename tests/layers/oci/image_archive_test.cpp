#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "layers/oci/checked_source.hpp"
#include "layers/oci/docker_archive.hpp"
#include "layers/oci/oci_layout.hpp"
#include "tests/layers/oci/archive_builder.hpp"

namespace layerbox {
namespace {

using namespace test; // NOLINT(google-build-using-namespace): the builders are this test's words
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const OciQuery kAmd64{Platform::parse("linux/amd64"), false, {}};

std::vector<SourceImage> read_docker(const FileSet& files) {
  return docker_archive_images(MemoryFiles(files), {});
}

std::vector<SourceImage> read_oci(const FileSet& files, const OciQuery& query = kAmd64) {
  return oci_layout_images(MemoryFiles(files), query, {});
}

template <typename Body> std::string failure(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what() + (error.hint().empty() ? "" : " hint: " + error.hint());
  }
  return "";
}

TestImage image_named(const std::string& name, const std::string& architecture = "amd64") {
  TestImage image = two_layer_image(name);
  image.architecture = architecture;
  image.comment = name;
  return image;
}

TEST(DockerArchive, ListsImagesWithTagsConfigAndLayers) {
  const TestImage image = image_named("a:1");
  TestImage untagged = image_named("");
  for (const FileSet& files :
       {docker_archive({image, untagged}), old_docker_archive({image, untagged})}) {
    const auto images = read_docker(files);
    ASSERT_EQ(images.size(), 2U);
    EXPECT_EQ(images[0].config.id, image.id());
    EXPECT_THAT(images[0].names, ElementsAre("a:1"));
    ASSERT_EQ(images[0].layers.size(), 2U);
    EXPECT_EQ(images[0].layers[1].diff_id, sha256(image.layers[1]));
    EXPECT_TRUE(images[1].names.empty());
  }
}

TEST(DockerArchive, JoinsEntriesOfTheSameImage) {
  const auto images = read_docker(docker_archive({image_named("a:1"), [] {
                                                    TestImage same = image_named("a:1");
                                                    same.names = {"b:2"};
                                                    return same;
                                                  }()}));
  ASSERT_EQ(images.size(), 1U);
  EXPECT_THAT(images[0].names, ElementsAre("a:1", "b:2"));
  EXPECT_THAT(images[0].positions, ElementsAre(0U, 1U));
}

TEST(DockerArchive, RefusesAConfigThatIsNotWhatItsNameClaims) {
  EXPECT_THAT(failure([] {
                read_docker(
                    with_replaced(docker_archive({image_named("a:1")}), "PATH=/bin", "PATH=/bad"));
              }),
              HasSubstr("its content has the digest"));
}

TEST(DockerArchive, RefusesAWrongNumberOfLayersAndMissingMembers) {
  const FileSet good = docker_archive({image_named("a:1")});
  const std::string top = sha256(two_layer_image().layers[1]).hex();
  EXPECT_THAT(failure([&] { read_docker(with_replaced(good, ",\"" + top + ".tar\"", "")); }),
              HasSubstr("the manifest lists 1 layers"));
  EXPECT_THAT(
      failure([&] { read_docker(with_replaced(good, ".json\"", ".jsom\"", "manifest.json")); }),
      HasSubstr("is missing"));
  const MemoryFiles without(with_replaced(good, top + ".tar", "gone.tar", "manifest.json"));
  const auto images = docker_archive_images(without, {});
  EXPECT_THAT(failure([&] { images[0].layers[1].open(); }), HasSubstr("lacks member 'gone.tar'"));
  EXPECT_THAT(
      failure([&] { read_docker(with_replaced(good, top + ".tar", "../x", "manifest.json")); }),
      HasSubstr("manifest.json"));
}

TEST(OciLayout, ListsImagesWithNamesConfigAndLayers) {
  for (const bool docker_types : {false, true}) {
    OciBuilder builder;
    builder.docker_types = docker_types;
    const TestImage image = image_named("a:1");
    const auto images =
        read_oci(builder.finish({builder.manifest(image, ref_name("example.org/a:1"))}));
    ASSERT_EQ(images.size(), 1U);
    EXPECT_EQ(images[0].config.id, image.id());
    EXPECT_THAT(images[0].names, ElementsAre("example.org/a:1"));
    EXPECT_TRUE(images[0].layers[0].blob_digest.has_value());
    EXPECT_TRUE(images[0].manifest.has_value());
  }
}

TEST(OciLayout, TakesNamesFromAnnotationsAndSelectsByTags) {
  const auto read = [](const std::string& more) {
    OciBuilder builder;
    return read_oci(builder.finish({builder.manifest(image_named(""), more)}));
  };
  const auto names = [&](const std::string& more) { return read(more)[0].names; };
  EXPECT_THAT(names(ref_name("debian:12")), ElementsAre("debian:12"));
  EXPECT_THAT(names(ref_name("example.org/debian")), ElementsAre("example.org/debian"));
  for (const char* tag : {"latest", "12.1-slim", "v9", "debian"}) {
    EXPECT_TRUE(names(ref_name(tag)).empty()) << tag;
    EXPECT_EQ(select_images(read(ref_name(tag)), {tag}).size(), 1U) << tag;
  }
  EXPECT_TRUE(names("").empty());
  EXPECT_THAT(names(R"(,"annotations":{"org.opencontainers.image.ref.name":"12",)"
                    R"("io.containerd.image.name":"docker.io/library/debian:12"})"),
              ElementsAre("docker.io/library/debian:12"));
}

std::string platform(const std::string& architecture) {
  return R"(,"platform":{"os":"linux","architecture":")" + architecture + "\"}";
}

TEST(OciLayout, TakesOfAnIndexTheManifestForThePlatform) {
  OciBuilder builder;
  const TestImage amd = image_named("amd", "amd64");
  const TestImage arm = image_named("arm", "arm64");
  const std::string attestation = builder.manifest(
      image_named("attestation"), R"(,"platform":{"os":"unknown","architecture":"unknown"})");
  const std::string arm_manifest = builder.manifest(arm, platform("arm64"));
  const std::string index =
      builder.index({attestation, arm_manifest, builder.manifest(amd, platform("amd64"))});
  const std::string nested = builder.index({index}, ref_name("multi:1"));
  const FileSet files = builder.finish({nested});
  const auto images = read_oci(files);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].config.id, amd.id());
  EXPECT_THAT(images[0].names, ElementsAre("multi:1"));
  EXPECT_EQ(read_oci(files, {Platform::parse("linux/arm64"), true, {}})[0].config.id, arm.id());
  const std::string told = failure([&] {
    read_oci(files, {Platform::parse("linux/s390x"), true, {}});
  });
  EXPECT_THAT(told, HasSubstr("no image for linux/s390x"));
  EXPECT_THAT(told, HasSubstr("linux/amd64, linux/arm64"));
}

TEST(OciLayout, TakesThePlatformOfTheConfigWhereTheDescriptorHasNone) {
  const TestImage amd = image_named("amd", "amd64");
  const TestImage arm = image_named("arm", "arm64");
  for (const bool nested : {true, false}) {
    OciBuilder builder;
    std::vector<std::string> entries = {builder.manifest(arm), builder.manifest(amd)};
    if (nested) entries = {builder.index(entries)};
    const FileSet files = builder.finish(entries);
    for (const TestImage* wanted : {&amd, &arm}) {
      const OciQuery query{Platform::parse("linux/" + wanted->architecture), true, {}};
      const auto images = read_oci(files, query);
      ASSERT_EQ(images.size(), 1U) << nested;
      EXPECT_EQ(images[0].config.id, wanted->id()) << nested;
    }
    EXPECT_THAT(failure([&] {
                  read_oci(files, {Platform::parse("linux/s390x"), true, {}});
                }),
                HasSubstr("linux/amd64, linux/arm64"));
  }
}

TEST(OciLayout, TakesAManifestThatIsAskedForByDigestOnAnyPlatform) {
  OciBuilder builder;
  const TestImage arm = image_named("arm", "arm64");
  const std::string arm_manifest = builder.manifest(arm, platform("arm64"));
  const std::size_t at = arm_manifest.find("sha256:");
  const std::string digest = arm_manifest.substr(at, 7 + 64);
  const FileSet files = builder.finish({builder.index(
      {arm_manifest, builder.manifest(image_named("amd"), platform("amd64"))}, ref_name("m"))});
  auto images = read_oci(files, {Platform::parse("linux/amd64"), false, {digest}});
  images = select_images(std::move(images), {digest});
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].config.id, arm.id());
}

TEST(OciLayout, JoinsSeveralNamesOfOneManifest) {
  TestImage image = image_named("a:1");
  image.names = {"a:1", "b:2"};
  const auto images = read_oci(oci_layout({image}));
  ASSERT_EQ(images.size(), 1U);
  EXPECT_THAT(images[0].names, ElementsAre("a:1", "b:2"));
}

TEST(OciLayout, RefusesDocumentsThatAreNotWhatTheirDescriptorSays) {
  const FileSet good = oci_layout({image_named("a:1")});
  EXPECT_THAT(failure([&] { read_oci(with_replaced(good, "PATH=/bin", "PATH=/bad")); }),
              HasSubstr("its content has the digest"));
  EXPECT_THAT(
      failure([&] { read_oci(with_replaced(good, "\"size\":", "\"size\":9", "index.json")); }),
      HasSubstr("its descriptor says 9"));
  EXPECT_THAT(failure([&] { read_oci(with_replaced(good, "sha256:", "sha512:", "index.json")); }),
              HasSubstr("only sha256 is supported"));
  EXPECT_THAT(failure([&] { read_oci(with_replaced(good, "1.0.0", "9.0.0", "oci-layout")); }),
              HasSubstr("version '9.0.0'"));
}

TEST(OciLayout, SaysThatAForeignLayerIsNotThere) {
  OciBuilder builder;
  const TestImage image = image_named("a:1");
  const std::string missing =
      R"({"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      "digest":"sha256:)" +
      std::string(64, '7') + R"(","size":5,"urls":["https://example.org/x"]})";
  TestImage one = image;
  one.layers.resize(1);
  const std::string manifest = R"({"schemaVersion":2,"config":)" +
                               builder.descriptor("", one.config()) + R"(,"layers":[)" + missing +
                               "]}";
  const MemoryFiles files(
      builder.finish({builder.descriptor("application/vnd.oci.image.manifest.v1+json", manifest)}));
  const auto images = oci_layout_images(files, kAmd64, {});
  EXPECT_THAT(failure([&] { images.at(0).layers[0].open(); }), HasSubstr("foreign layer"));
}

TEST(OciLayout, LimitsTheDepthOfIndexesAndTheDocumentsRead) {
  OciBuilder builder;
  std::string index = builder.index({builder.manifest(image_named("a:1"))});
  for (int i = 0; i < kMaxIndexDepth + 1; ++i)
    index = builder.index({index});
  EXPECT_THAT(failure([&] { read_oci(builder.finish({index})); }), HasSubstr("nested deeper"));

  OciBuilder wide;
  std::string widest = wide.index({wide.manifest(image_named("a:1"))});
  for (int i = 0; i < 5; ++i)
    widest = wide.index(std::vector<std::string>(20, widest));
  EXPECT_THAT(failure([&] { read_oci(wide.finish({widest})); }), HasSubstr("documents"));
}

TEST(OciLayout, PassesOverWhatIsNoImageAndSaysWhenNothingIsLeft) {
  OciBuilder builder;
  const std::string other = builder.descriptor("application/vnd.example.thing", "bytes");
  EXPECT_EQ(read_oci(builder.finish({other, builder.manifest(image_named("a:1"))})).size(), 1U);
  OciBuilder empty;
  EXPECT_THAT(failure([&] { read_oci(empty.finish({})); }), HasSubstr("lists no image"));
}

TEST(Selection, IsByReferenceNumberManifestOrId) {
  const TestImage one = image_named("docker.io/library/one:1");
  const TestImage two = image_named("two:latest");
  const FileSet files = oci_layout({one, two});
  const auto pick = [&](const std::vector<std::string>& select) {
    std::vector<Digest> ids;
    for (const SourceImage& image : select_images(read_oci(files), select))
      ids.push_back(image.config.id);
    return ids;
  };
  EXPECT_THAT(pick({}), ElementsAre(one.id(), two.id()));
  EXPECT_THAT(pick({"one:1"}), ElementsAre(one.id()));
  EXPECT_THAT(pick({"docker.io/library/one:1"}), ElementsAre(one.id()));
  EXPECT_THAT(pick({"two"}), ElementsAre(two.id()));
  EXPECT_THAT(pick({"1"}), ElementsAre(two.id()));
  EXPECT_THAT(pick({"@0"}), ElementsAre(one.id()));
  EXPECT_THAT(pick({two.id().str()}), ElementsAre(two.id()));
  EXPECT_THAT(pick({read_oci(files)[1].manifest->str()}), ElementsAre(two.id()));
  EXPECT_THAT(pick({"two", "0", "one:1"}), ElementsAre(one.id(), two.id()));
  EXPECT_THAT(failure([&] { pick({"three"}); }), HasSubstr("the source has 0: docker.io"));
}

} // namespace
} // namespace layerbox
