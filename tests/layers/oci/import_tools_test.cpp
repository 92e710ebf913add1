// What other tools make of an image is imported as the same image.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/base/child.hpp"
#include "tests/layers/oci/archive_builder.hpp"
#include "tests/layers/oci/import_fixture.hpp"

namespace layerbox {
namespace {

using namespace test; // NOLINT(google-build-using-namespace): the builders are this test's words
using ::testing::ElementsAre;

class ImportFromSkopeo : public ImportTest {
 protected:
  void SetUp() override {
    to_directory(oci_layout({image_}), path("layout"));
    if (tool("skopeo --version")) return;
    if (must_run("skopeo")) FAIL() << "skopeo must run: " << output();
    GTEST_SKIP() << "skopeo does not run: " << output();
  }

  bool tool(const std::string& command) const {
    // NOLINTNEXTLINE(cert-env33-c): a fixed command line, for a tool that is looked for in PATH
    return std::system((command + " >" + path("output") + " 2>&1 </dev/null").c_str()) == 0;
  }

  std::string output() const {
    return read_small_file(temp_.dir(), RelPath::parse("output"), std::size_t{1} << 20);
  }

  void copy(const std::string& flags, const std::string& destination) {
    ASSERT_TRUE(tool("skopeo --insecure-policy copy " + flags + " oci:" + path("layout") +
                     ":test:latest " + destination))
        << output();
  }

  void expect_same_image(const std::string& source, const std::string& name) {
    const auto imported = import(source);
    ASSERT_EQ(imported.size(), 1U);
    EXPECT_EQ(imported[0].id, image_.id());
    EXPECT_THAT(imported[0].names, ElementsAre(name));
    const ImageRow row = this->image(name);
    ASSERT_EQ(row.layers.size(), 2U);
    EXPECT_EQ(row.layers[1].diff_id, sha256(image_.layers[1]));
  }

  TestImage image_ = two_layer_image();
};

TEST_F(ImportFromSkopeo, TakesItsDockerArchive) {
  copy("", "docker-archive:" + path("d.tar") + ":example.org/a/b:1");
  expect_same_image(path("d.tar"), "example.org/a/b:1");
}

TEST_F(ImportFromSkopeo, TakesItsOciArchive) {
  copy("", "oci-archive:" + path("o.tar") + ":example.org/a/b:1");
  expect_same_image(path("o.tar"), "example.org/a/b:1");
}

TEST_F(ImportFromSkopeo, TakesItsOciLayoutWithZstdLayers) {
  copy("--dest-compress-format zstd --dest-compress", "oci:" + path("zstd") + ":other:latest");
  expect_same_image(path("zstd"), "other:latest");
}

TEST_F(ImportFromSkopeo, TakesItsOciLayoutOfSeveralTags) {
  copy("", "oci:" + path("two") + ":one:1");
  copy("", "oci:" + path("two") + ":two:2");
  const auto imported = import(path("two"));
  ASSERT_EQ(imported.size(), 1U);
  EXPECT_EQ(imported[0].id, image_.id());
  EXPECT_THAT(imported[0].names, ElementsAre("one:1", "two:2"));
}

// What an ordinary user without further ids can import, and what he is told.
TEST(ImportAsOrdinaryUser, KeepsAllFilesAsHisOwn) {
  LAYERBOX_NEED_ROOT();
  EXPECT_EQ(in_child([] {
              become_user(kOrdinaryUser);
              const TempDir temp("layerbox-import-");
              const Identity who = current_identity();
              ASSERT_EQ(who.privilege, Privilege::single) << who.reason;
              Store store = Store::open(temp.path() + "/store", who);
              to_directory(docker_archive({two_layer_image()}), temp.path() + "/archive");
              ProgressLog log;
              const auto imported = import_images(store, temp.path() + "/archive", {}, log);
              ASSERT_EQ(imported.size(), 1U);
              const ImageRow row = *store.catalog().image(imported[0].id);
              const RelPath file = RelPath::parse(layout::layer_tree(row.layers[1]) + "/usr/a");
              const UniqueFd fd = open_beneath(store.root(), file, O_RDONLY | O_CLOEXEC);
              EXPECT_EQ(stat_fd(fd).st_uid, kOrdinaryUser);
              EXPECT_TRUE(import_images(store, temp.path() + "/archive", {}, log)[0].was_there);
            }),
            0);
}

} // namespace
} // namespace layerbox
