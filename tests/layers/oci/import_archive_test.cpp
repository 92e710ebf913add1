// Images from archives of every form that is met, and archives that lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/layers/oci/archive_builder.hpp"
#include "tests/layers/oci/import_fixture.hpp"
#include "tests/layers/oci/pack.hpp"
#include "tests/layers/oci/tar_builder.hpp"

namespace layerbox {
namespace {

using namespace test; // NOLINT(google-build-using-namespace): the builders are this test's words
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ImportArchive : public ImportTest {
 protected:
  void expect_two_layers(const std::string& source, const ImportOptions& options = {}) {
    const TestImage image = two_layer_image();
    const auto imported = import(source, options);
    ASSERT_EQ(imported.size(), 1U);
    EXPECT_EQ(imported[0].id, image.id());
    EXPECT_THAT(imported[0].names, ElementsAre("test:latest"));
    EXPECT_FALSE(imported[0].was_there);
    const ImageRow row = this->image("test");
    ASSERT_EQ(row.layers.size(), 2U);
    EXPECT_EQ(row.layers[0].diff_id, sha256(image.layers[0]));
    EXPECT_EQ(tree_file(row.layers[0], "usr/a"), "below\n");
    EXPECT_EQ(tree_file(row.layers[1], "usr/a"), "above\n");
    EXPECT_EQ(store.read_blob(row.id, 100000), image.config());
    EXPECT_EQ(row.architecture, "amd64");
    EXPECT_EQ(row.created, "2024-01-02T03:04:05Z");
    EXPECT_TRUE(names_below(layout::kStaging).empty());
  }
};

TEST_F(ImportArchive, TakesADockerArchiveWithTheManifestLast) {
  expect_two_layers(write("a.tar", to_tar(docker_archive({two_layer_image()}))));
  EXPECT_THAT(log.begun, ElementsAre(HasSubstr("(1/2)"), HasSubstr("(2/2)")));
}

TEST_F(ImportArchive, TakesADockerArchiveOfTheOldForm) {
  expect_two_layers(write("a.tar", to_tar(old_docker_archive({two_layer_image()}))));
}

TEST_F(ImportArchive, TakesADockerArchiveWhoseLayersAreSymlinks) {
  const TestImage image = two_layer_image();
  const std::string one(64, '1');
  const std::string two(64, '2');
  TarBuilder tar;
  tar.file(one + "/layer.tar", image.layers[0])
      .file(sha256(image.layers[1]).hex() + ".tar", image.layers[1]);
  tar.symlink(two + "/layer.tar", "../" + sha256(image.layers[1]).hex() + ".tar");
  tar.file(image.id().hex() + ".json", image.config());
  tar.file("manifest.json", R"([{"Config":")" + image.id().hex() +
                                R"(.json","RepoTags":["test:latest"],"Layers":[")" + one +
                                R"(/layer.tar",")" + two + R"(/layer.tar"]}])");
  expect_two_layers(write("a.tar", tar.finish()));
}

TEST_F(ImportArchive, TakesADockerArchiveThatIsAnOciLayoutToo) {
  const TestImage image = two_layer_image();
  OciBuilder builder;
  builder.compression = Compression::none;
  FileSet files = builder.finish({builder.manifest(image, ref_name("not-this-name:1"))});
  files.emplace_back("manifest.json",
                     R"([{"Config":"blobs/sha256/)" + image.id().hex() +
                         R"(","RepoTags":["test:latest"],"Layers":["blobs/sha256/)" +
                         sha256(image.layers[0]).hex() + R"(","blobs/sha256/)" +
                         sha256(image.layers[1]).hex() + R"("]}])");
  expect_two_layers(write("a.tar", to_tar(files)));
}

TEST_F(ImportArchive, TakesCompressedLayersInADockerArchive) {
  expect_two_layers(write("a.tar", to_tar(docker_archive({two_layer_image()}, Compression::gzip))));
}

TEST_F(ImportArchive, TakesAnOciLayoutAsADirectory) {
  to_directory(oci_layout({two_layer_image()}), path("layout"));
  expect_two_layers(path("layout"));
}

TEST_F(ImportArchive, TakesAnOciLayoutAsATarWithDotSlashNames) {
  TarBuilder tar;
  tar.dir(".");
  for (const auto& [name, content] : oci_layout({two_layer_image()}))
    tar.file("./" + name, content);
  expect_two_layers(write("a.tar", tar.finish()));
}

TEST_F(ImportArchive, TakesTheTypeThatIsAskedFor) {
  ImportOptions options;
  options.type = SourceType::docker_archive;
  EXPECT_THAT(failure(write("a.tar", to_tar(oci_layout({two_layer_image()}))), options),
              HasSubstr("no docker-archive"));
  options.type = SourceType::oci;
  EXPECT_THAT(failure(write("b.tar", to_tar(docker_archive({two_layer_image()}))), options),
              HasSubstr("no OCI layout"));
  options.type = SourceType::rootfs;
  EXPECT_THAT(failure(temp_.path(), options), HasSubstr("it is a directory"));
  EXPECT_THAT(failure(temp_.path()), HasSubstr("no OCI layout"));
  expect_nothing_was_imported();
  import(write("c.tar", to_tar(docker_archive({two_layer_image()}))), options);
  ASSERT_EQ(store.catalog().images().size(), 1U);
  EXPECT_EQ(store.catalog().layers().size(), 1U);
}

class ImportLayerCompression : public ImportArchive,
                               public ::testing::WithParamInterface<Compression> {};

TEST_P(ImportLayerCompression, OfAnOciLayoutIsFoundFromTheContent) {
  expect_two_layers(write("a.tar", to_tar(oci_layout({two_layer_image()}, GetParam()))));
}

TEST_P(ImportLayerCompression, OfTheWholeArchiveIsFoundFromTheContent) {
  expect_two_layers(write("a.tar", pack(GetParam(), to_tar(docker_archive({two_layer_image()})))));
}

INSTANTIATE_TEST_SUITE_P(All, ImportLayerCompression,
                         ::testing::Values(Compression::none, Compression::gzip, Compression::zstd,
                                           Compression::xz, Compression::bzip2, Compression::lz4),
                         [](const auto& param) {
                           return std::string(compression_name(param.param));
                         });

TEST_F(ImportArchive, ImportsAllImagesAndAllTheirTags) {
  TestImage one = two_layer_image("docker.io/library/one:1");
  one.names.emplace_back("one:latest");
  TestImage two = two_layer_image("");
  two.layers.push_back(one_file_layer("new", "new\n"));
  const auto imported = import(write("a.tar", to_tar(docker_archive({one, two}))));
  ASSERT_EQ(imported.size(), 2U);
  EXPECT_THAT(imported[0].names, ElementsAre("one:1", "one:latest"));
  EXPECT_TRUE(imported[1].names.empty());
  EXPECT_EQ(imported[0].layers_unpacked, 2U);
  EXPECT_EQ(imported[1].layers_unpacked, 1U) << "the two layers below are shared";
  EXPECT_EQ(store.catalog().layers().size(), 3U);
}

TEST_F(ImportArchive, ImportsWhatIsSelectedUnderTheNameGiven) {
  TestImage one = two_layer_image("one:1");
  TestImage two = two_layer_image("two:2");
  two.comment = "another";
  const std::string source = write("a.tar", to_tar(docker_archive({one, two})));
  ImportOptions options;
  options.names = {ImageRef::parse("mine:3")};
  EXPECT_THAT(failure(source, options), HasSubstr("--select"));
  options.select = {"two:2"};
  const auto imported = import(source, options);
  ASSERT_EQ(imported.size(), 1U);
  EXPECT_EQ(imported[0].id, two.id());
  EXPECT_THAT(imported[0].names, ElementsAre("mine:3"));
  EXPECT_EQ(store.catalog().images().size(), 1U);
}

TEST_F(ImportArchive, IsANoOpTheSecondTime) {
  const std::string source = write("a.tar", to_tar(docker_archive({two_layer_image()})));
  import(source);
  const auto again = import(source);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(again[0].was_there);
  EXPECT_EQ(again[0].layers_unpacked, 0U);
  EXPECT_THAT(log.notes, ElementsAre(HasSubstr("is already there")));
  EXPECT_TRUE(log.begun.empty());
  ImportOptions options;
  options.names = {ImageRef::parse("other")};
  EXPECT_TRUE(import(source, options)[0].was_there);
  EXPECT_THAT(image("test").names, ElementsAre("other:latest", "test:latest"));
}

TEST_F(ImportArchive, ReusesTheLayersOfOtherImages) {
  import(write("a.tar", to_tar(docker_archive({two_layer_image()}))));
  TestImage bigger = two_layer_image("bigger:1");
  bigger.layers.push_back(one_file_layer("new", "new\n"));
  const auto imported = import(write("b.tar", to_tar(oci_layout({bigger}))));
  EXPECT_EQ(imported[0].layers_unpacked, 1U);
  EXPECT_FALSE(imported[0].was_there);
  EXPECT_EQ(image("bigger:1").layers[0], image("test").layers[0]);
}

TEST_F(ImportArchive, TellsThatANameMoved) {
  import(write("a.tar", to_tar(docker_archive({two_layer_image()}))));
  TestImage other = two_layer_image();
  other.comment = "another";
  import(write("b.tar", to_tar(docker_archive({other}))));
  EXPECT_THAT(log.warnings, ElementsAre(HasSubstr("'test:latest' was the name of")));
  EXPECT_EQ(image("test").id, other.id());
}

TEST_F(ImportArchive, KeysALayerWithImpliedDirectoriesByWhatLiesBelow) {
  // usr/ is never mentioned on top, and is 0700 in one image and 0755 at time 0 in the other.
  TestImage odd = two_layer_image("odd:1");
  odd.layers = {TarBuilder().dir("usr", 0700).finish(), one_file_layer("usr/f", "f\n")};
  TestImage plain = odd;
  plain.names = {"plain:1"};
  plain.layers[0] = TarBuilder().dir("usr", 0755).finish();
  import(write("a.tar", to_tar(docker_archive({odd, plain}))));
  const LayerKey odd_key = image("odd:1").layers[1];
  const LayerKey plain_key = image("plain:1").layers[1];
  EXPECT_EQ(odd_key.below, sha256(odd.layers[0]));
  EXPECT_EQ(plain_key.below, std::nullopt);
  const auto mode = [&](const LayerKey& key) {
    const RelPath usr = RelPath::parse(layout::layer_tree(key) + "/usr");
    return stat_fd(open_beneath(store.root(), usr, O_RDONLY | O_DIRECTORY)).st_mode & 07777;
  };
  EXPECT_EQ(mode(odd_key), 0700U);
  EXPECT_EQ(mode(plain_key), 0755U);
  // Both are found again by a third image, without unpacking.
  TestImage third = odd;
  third.comment = "third";
  TestImage fourth = plain;
  fourth.comment = "fourth";
  for (const auto& imported : import(write("b.tar", to_tar(docker_archive({third, fourth})))))
    EXPECT_EQ(imported.layers_unpacked, 0U);
}

TEST_F(ImportArchive, SaysWhichLayerIsNotWhatWasPromised) {
  const TestImage image = two_layer_image();
  const std::string top = "layer 2/2 " + sha256(image.layers[1]).str();
  const FileSet docker = docker_archive({image});
  const FileSet oci = oci_layout({image}, Compression::none);
  const auto refused = [&](const FileSet& files, const std::string& told) {
    EXPECT_THAT(failure(write("a.tar", to_tar(files))), HasSubstr(told));
    expect_nothing_was_imported();
  };
  refused(with_replaced(docker, "above\n", "abovE\n"), top + ": its content has the DiffID");
  refused(with_replaced(oci, "above\n", "abovE\n"), top);
  refused(with_replaced(docker, "ustar", "USTAR", sha256(image.layers[1]).hex() + ".tar"), top);

  OciBuilder gzip;
  const FileSet good = gzip.finish({gzip.manifest(image)});
  const std::string blob = sha256(pack(Compression::gzip, image.layers[1])).hex();
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i].first != "blobs/sha256/" + blob) continue;
    FileSet cut = good;
    cut[i].second.pop_back();
    refused(cut, top + ": blob sha256:" + blob + " has");
    FileSet longer = good;
    longer[i].second += '\0';
    refused(longer, top + ": blob sha256:" + blob + " has");
    FileSet flipped = good;
    flipped[i].second[5] = static_cast<char>(flipped[i].second[5] ^ 1); // the header's time
    refused(flipped, top + ": blob sha256:" + blob + ": its content has the digest");
    FileSet missing = good;
    missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(i));
    refused(missing, top + ": blob sha256:" + blob + " is missing");
  }
}

TEST_F(ImportArchive, ImportsNothingWhenTheSecondImageIsBad) {
  TestImage good = two_layer_image("good:1");
  TestImage bad = two_layer_image("bad:1");
  bad.layers[1] = one_file_layer("f", "content");
  FileSet files = docker_archive({good, bad});
  EXPECT_NE(failure(write("a.tar", to_tar(with_replaced(files, "content", "c0ntent")))), "");
  expect_nothing_was_imported();
}

TEST_F(ImportArchive, RefusesEveryTruncationOfTheArchiveThatLosesSomething) {
  const std::string tar = to_tar(oci_layout({two_layer_image()}));
  const std::string packed = pack(Compression::gzip, to_tar(docker_archive({two_layer_image()})));
  for (std::size_t size = 0; size < tar.size() - 1024; size += 997)
    EXPECT_NE(failure(write("a.tar", tar.substr(0, size))), "") << size;
  for (std::size_t size = 0; size < packed.size(); size += 211)
    EXPECT_NE(failure(write("a.tar", packed.substr(0, size))), "") << size;
  EXPECT_NE(failure(write("a.tar", packed.substr(0, packed.size() - 1))), "");
  EXPECT_NE(failure(write("a.tar", packed + "garbage")), "");
  EXPECT_NE(failure(write("a.tar", tar + "garbage")), "");
  expect_nothing_was_imported();
}

TEST_F(ImportArchive, RefusesLayersCompressedTwice) {
  TestImage image = two_layer_image();
  FileSet files = docker_archive({image}, Compression::gzip);
  for (auto& [name, content] : files)
    if (name == sha256(image.layers[0]).hex() + ".tar") content = pack(Compression::zstd, content);
  EXPECT_THAT(failure(write("a.tar", to_tar(files))),
              HasSubstr("compressed twice, gzip inside zstd"));
  expect_nothing_was_imported();
}

TEST_F(ImportArchive, HoldsToItsLimits) {
  const std::string source = write("a.tar", to_tar(docker_archive({two_layer_image()})));
  ImportOptions options;
  options.limits.max_layers = 1;
  EXPECT_THAT(failure(source, options), HasSubstr("--max-layers"));
  options.limits = {};
  options.limits.max_document_bytes = 100;
  EXPECT_THAT(failure(source, options), HasSubstr("--max-document-bytes"));
  options.limits = {};
  options.limits.max_ratio = 10;
  options.limits.ratio_floor_bytes = 1000;
  const std::string zeros = TarBuilder().file("zeros", std::string(1000000, '\0')).finish();
  EXPECT_THAT(failure(write("bomb.tar", pack(Compression::gzip, zeros)), options),
              HasSubstr("--max-ratio"));
  options.limits = {};
  options.limits.max_bytes = 5000;
  EXPECT_THAT(
      failure(write("b.tar", pack(Compression::gzip, to_tar(docker_archive({two_layer_image()})))),
              options),
      HasSubstr("--max-bytes"));
  expect_nothing_was_imported();
}

TEST_F(ImportArchive, ChecksThePlatformThatIsAskedFor) {
  TestImage image = two_layer_image();
  image.architecture = "s390x";
  const std::string source = write("a.tar", to_tar(docker_archive({image})));
  ImportOptions options;
  options.platform = "linux/arm64";
  EXPECT_THAT(failure(source, options), HasSubstr("the image is for linux/s390x"));
  import(source);
  EXPECT_THAT(log.warnings, ElementsAre(HasSubstr("the image is for linux/s390x")));
}

TEST_F(ImportArchive, PassesOverNamesThatAreNone) {
  TestImage image = two_layer_image("Not A Name!");
  image.names.emplace_back("good:1");
  EXPECT_THAT(import(write("a.tar", to_tar(docker_archive({image}))))[0].names,
              ElementsAre("good:1"));
  EXPECT_EQ(log.warnings.size(), 1U);
}

TEST_F(ImportArchive, FollowsNoSymlinkAndWaitsForNoFifoInADirectory) {
  to_directory(oci_layout({two_layer_image()}), path("layout"));
  const std::string layer = path("layout/blobs/sha256/") +
                            sha256(pack(Compression::gzip, two_layer_image().layers[0])).hex();
  std::filesystem::rename(layer, path("outside"));
  std::filesystem::create_symlink(path("outside"), layer);
  EXPECT_NE(failure(path("layout")), "");
  std::filesystem::remove(layer);
  ASSERT_EQ(::mkfifo(layer.c_str(), 0600), 0);
  EXPECT_THAT(failure(path("layout")), HasSubstr("not a regular file"));
  expect_nothing_was_imported();
}

TEST_F(ImportArchive, TakesNoFlagsForTheConfig) {
  ImportOptions options;
  options.config.user = "nobody";
  EXPECT_THAT(failure(write("a.tar", to_tar(docker_archive({two_layer_image()}))), options),
              HasSubstr("brings its own"));
}

} // namespace
} // namespace layerbox
