// Plain rootfs tars: streams, and the config they do not bring.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "layers/oci/image_config.hpp"
#include "tests/layers/oci/import_fixture.hpp"
#include "tests/layers/oci/pack.hpp"
#include "tests/layers/oci/tar_builder.hpp"

namespace layerbox {
namespace {

using namespace test; // NOLINT(google-build-using-namespace): the builders are this test's words
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string rootfs_tar() {
  return TarBuilder()
      .dir("./")
      .dir("./etc")
      .file("./etc/hostname", "box\n")
      .file("./data", noise(300000))
      .finish();
}

// Puts `fd` in the place of standard input while it lives.
class StandardInput {
 public:
  explicit StandardInput(UniqueFd fd) : saved_(::fcntl(0, F_DUPFD_CLOEXEC, 3)) {
    ::dup2(fd.get(), 0);
  }
  ~StandardInput() { ::dup2(saved_.get(), 0); }

 private:
  UniqueFd saved_;
};

class ImportRootfs : public ImportTest {
 protected:
  std::vector<ImportedImage> import_piped(const std::string& bytes) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const StandardInput input{UniqueFd(ends[0])};
    std::thread writer([&] {
      const UniqueFd end(ends[1]);
      FdSink(end, "pipe").write(std::as_bytes(std::span(bytes)));
    });
    std::vector<ImportedImage> imported;
    try {
      imported = import("-");
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
    writer.join();
    return imported;
  }
};

TEST_F(ImportRootfs, HasTheSameIdWhateverTheCompression) {
  const std::string tar = rootfs_tar();
  const auto first = import(write("a", tar));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].layers_unpacked, 1U);
  EXPECT_EQ(tree_file({sha256(tar), std::nullopt}, "etc/hostname"), "box\n");
  for (const Compression compression : {Compression::gzip, Compression::zstd, Compression::xz,
                                        Compression::bzip2, Compression::lz4}) {
    const auto again = import(write("b", pack(compression, tar)));
    EXPECT_EQ(again[0].id, first[0].id) << compression_name(compression);
    EXPECT_TRUE(again[0].was_there);
    EXPECT_TRUE(names_below(layout::kStaging).empty());
  }
  EXPECT_EQ(store.catalog().layers().size(), 1U);
}

TEST_F(ImportRootfs, IsKnownAgainWithoutUnpacking) {
  const std::string source = write("a.tar.gz", pack(Compression::gzip, rootfs_tar()));
  import(source);
  const auto again = import(source);
  EXPECT_TRUE(again[0].was_there);
  EXPECT_EQ(again[0].layers_unpacked, 0U);
  EXPECT_THAT(log.begun, ElementsAre(HasSubstr("checking")));
  EXPECT_THAT(log.notes, ElementsAre(HasSubstr("is already there")));
}

TEST_F(ImportRootfs, ReadsStandardInputFromAPipe) {
  const std::string tar = rootfs_tar();
  const auto plain = import_piped(tar);
  ASSERT_EQ(plain.size(), 1U);
  const auto packed = import_piped(pack(Compression::zstd, tar));
  ASSERT_EQ(packed.size(), 1U);
  EXPECT_EQ(packed[0].id, plain[0].id);
  EXPECT_TRUE(packed[0].was_there);
}

TEST_F(ImportRootfs, ReadsArchivesFromAPipeToo) {
  const TestImage image = two_layer_image();
  EXPECT_EQ(import_piped(to_tar(docker_archive({image}))).at(0).id, image.id());
  EXPECT_TRUE(import_piped(pack(Compression::gzip, to_tar(oci_layout({image})))).at(0).was_there);
}

TEST_F(ImportRootfs, ReadsStandardInputFromAFile) {
  const std::string source = write("a.tar", rootfs_tar());
  const StandardInput input(open_path(source, O_RDONLY));
  EXPECT_EQ(import("-").size(), 1U);
}

TEST_F(ImportRootfs, StandsBackWhenItOnlyLooksLikeAnArchive) {
  const std::string tar =
      TarBuilder().file("config.json", "{}").file("etc/hostname", "box\n").finish();
  const auto imported = import(write("a.tar", tar));
  EXPECT_EQ(tree_file({sha256(tar), std::nullopt}, "config.json"), "{}");
  const auto again = import(write("a.tar.gz", pack(Compression::gzip, tar)));
  EXPECT_EQ(again[0].id, imported[0].id);
  EXPECT_TRUE(again[0].was_there);
}

TEST_F(ImportRootfs, HasAConfigMadeOfTheFlags) {
  ImportOptions options;
  options.names = {ImageRef::parse("box")};
  options.config.entrypoint = {"/init"};
  options.config.cmd = {"a", "b"};
  options.config.env = {"A=1"};
  options.config.user = "nobody";
  options.config.workdir = "/srv";
  options.config.labels = {{"k", "v"}};
  options.platform = "linux/arm/v7";
  const std::string source = write("a.tar", rootfs_tar());
  const auto imported = import(source, options);
  EXPECT_THAT(imported[0].names, ElementsAre("box:latest"));
  const ImageConfig config = parse_image_config(store.read_blob(imported[0].id, 10000));
  EXPECT_EQ(config.process.entrypoint, std::vector<std::string>{"/init"});
  EXPECT_EQ(config.process.cmd, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.process.env, std::vector<std::string>{"A=1"});
  EXPECT_EQ(config.process.user, "nobody");
  EXPECT_EQ(config.process.working_dir, "/srv");
  EXPECT_EQ(config.process.labels.at("k"), "v");
  EXPECT_EQ(config.platform(), "linux/arm/v7");
  EXPECT_EQ(config.created, "");
  EXPECT_NE(image("box").created, "");
  EXPECT_EQ(import(source, options)[0].id, imported[0].id);
  options.config.user = "root";
  const auto other = import(source, options);
  EXPECT_NE(other[0].id, imported[0].id);
  EXPECT_EQ(other[0].layers_unpacked, 0U);
  EXPECT_FALSE(other[0].was_there);
}

TEST_F(ImportRootfs, RefusesFlagsThatHaveNoMeaning) {
  const std::string source = write("a.tar", rootfs_tar());
  ImportOptions options;
  options.config.env = {"NOVALUE"};
  EXPECT_THAT(failure(source, options), HasSubstr("'NOVALUE' is not NAME=VALUE"));
  options.config.env = {"A=\xff"};
  EXPECT_THAT(failure(source, options), HasSubstr("not UTF-8"));
  options.config.env = {};
  options.select = {"x"};
  EXPECT_THAT(failure(source, options), HasSubstr("--select"));
  expect_nothing_was_imported();
}

TEST_F(ImportRootfs, RefusesWhatIsCutShortOrFollowedByGarbage) {
  const std::string tar = rootfs_tar();
  for (const Compression compression : {Compression::gzip, Compression::zstd, Compression::xz,
                                        Compression::bzip2, Compression::lz4}) {
    const std::string packed = pack(compression, tar);
    for (const std::size_t size : {std::size_t{4}, packed.size() / 2, packed.size() - 1})
      EXPECT_NE(failure(write("a", packed.substr(0, size))), "") << size;
    EXPECT_THAT(failure(write("a", packed + "x")), HasSubstr("followed by"));
  }
  for (const std::size_t size : {std::size_t{1}, std::size_t{700}, tar.size() / 2})
    EXPECT_NE(failure(write("a", tar.substr(0, size))), "") << size;
  EXPECT_THAT(failure(write("a", "")), HasSubstr("it is empty"));
  EXPECT_THAT(failure(write("a", noise(5000))), HasSubstr("import '"));
  EXPECT_THAT(failure(path("missing")), HasSubstr("missing"));
  expect_nothing_was_imported();
}

TEST_F(ImportRootfs, IsNotUnwrappedTwice) {
  const std::string twice = pack(Compression::gzip, pack(Compression::gzip, rootfs_tar()));
  EXPECT_THAT(failure(write("a", twice)), HasSubstr("not a tar"));
  expect_nothing_was_imported();
}

} // namespace
} // namespace layerbox
