// What a container is made from, written down for the next start: it says what the store says, at
// any time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "layers/run_image.hpp"
#include "tests/layers/oci/import_fixture.hpp"

namespace layerbox::test {
namespace {

class RunImageTest : public ImportTest {
 protected:
  RunImage find(const std::string& reference, Remember remembering = Remember::yes) {
    const RangeLock gate = store.gate(LockMode::shared);
    return find_run_image(store, reference, remembering);
  }
  void import_named(const std::string& comment, const std::string& name) {
    TestImage image = two_layer_image(name);
    image.comment = comment;
    import(write("a.tar", to_tar(docker_archive({image}))));
  }
  std::size_t remembered() const {
    const auto dir = try_open_beneath(store.root(), RelPath::parse("derived/images"), kOpenDir);
    return dir ? list_dir(*dir).size() : 0;
  }
  // As after a while.
  void find_until_remembered(const std::string& reference) {
    for (int i = 0; i < 100 && remembered() == 0; ++i) {
      (void)find(reference);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_EQ(remembered(), 1U);
  }
};

TEST_F(RunImageTest, SaysTheSameFromTheStoreAndFromMemory) {
  import_named("one", "test:latest");
  const RunImage read = find("test", Remember::no);
  EXPECT_EQ(remembered(), 0U);
  find_until_remembered("test");
  const RunImage recalled = find("test");
  EXPECT_EQ(recalled.id, read.id);
  EXPECT_EQ(recalled.layers, read.layers);
  EXPECT_EQ(recalled.process.env, read.process.env);
  EXPECT_EQ(recalled.process.cmd, read.process.cmd);
}

TEST_F(RunImageTest, FollowsANameAndForgetsWhatIsGone) {
  import_named("one", "test:latest");
  find_until_remembered("test");
  const Digest one = find("test").id;
  import_named("two", "test:latest");
  const Digest two = find("test").id;
  EXPECT_NE(one, two);
  for (int i = 0; i < 10; ++i) { // it may be remembered at any of these
    EXPECT_EQ(find("test").id, two);
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
  }
  remove(two);
  EXPECT_THROW((void)find("test"), Error);
}

TEST(RunImageText, HoldsAllOfIt) {
  RunImage image;
  image.id = sha256("config");
  image.layers = {{sha256("a"), std::nullopt}, {sha256("b"), sha256("below")}};
  image.process.entrypoint = std::vector<std::string>{"/bin/sh", "", "-c"};
  image.process.env = {"A=1", "B=\n\"x\""};
  image.process.user = "1:2";
  image.process.working_dir = "/w";
  image.process.labels = {{"k", "v"}, {"", ""}};
  image.process.exposed_ports = {"80/tcp"};
  image.process.volumes = {"/data"};
  image.process.stop_signal = "SIGINT";
  const std::string text = run_image_text("name:tag", image);
  const auto parsed = parse_run_image("name:tag", text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->id, image.id);
  EXPECT_EQ(parsed->layers, image.layers);
  EXPECT_EQ(parsed->process.entrypoint, image.process.entrypoint);
  EXPECT_EQ(parsed->process.cmd, std::nullopt);
  EXPECT_EQ(parsed->process.env, image.process.env);
  EXPECT_EQ(parsed->process.user, image.process.user);
  EXPECT_EQ(parsed->process.working_dir, image.process.working_dir);
  EXPECT_EQ(parsed->process.labels, image.process.labels);
  EXPECT_EQ(parsed->process.exposed_ports, image.process.exposed_ports);
  EXPECT_EQ(parsed->process.volumes, image.process.volumes);
  EXPECT_EQ(parsed->process.stop_signal, image.process.stop_signal);
  EXPECT_FALSE(parse_run_image("other", text));
}

TEST(RunImageText, IsNothingWhenItIsDamaged) {
  RunImage image;
  image.id = sha256("config");
  image.layers = {{sha256("a"), std::nullopt}};
  image.process.env = {"A=1"};
  const std::string text = run_image_text("n", image);
  for (std::size_t size = 0; size < text.size(); ++size)
    ASSERT_FALSE(parse_run_image("n", text.substr(0, size))) << size;
  EXPECT_FALSE(parse_run_image("n", text + 'x'));
  // A count that says that there is more than anything could hold.
  for (std::size_t at = 0; at + 4 <= text.size(); ++at)
    (void)parse_run_image("n", std::string(text).replace(at, 4, "\xff\xff\xff\xff"));
}

} // namespace
} // namespace layerbox::test
