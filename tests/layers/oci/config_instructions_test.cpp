// Dockerfile words and instructions, and the config of an image made from another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "layers/oci/child_config.hpp"
#include "layers/oci/config_instructions.hpp"
#include "layers/oci/dockerfile_words.hpp"

namespace layerbox {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string expanded(std::string_view word) {
  static const std::map<std::string, std::string, std::less<>> variables{
      {"A", "b"}, {"EMPTY", ""}, {"S", "x y"}};
  return expand_dockerfile_word(word, [](std::string_view name) -> const std::string* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : &found->second;
  });
}

TEST(DockerfileWords, AreCutAtSpacesOutsideOfQuotes) {
  EXPECT_THAT(dockerfile_words("  A=b  \"C=d e\"\tF='g  h' I=j\\ k "),
              ElementsAre("A=b", "\"C=d e\"", "F='g  h'", "I=j\\ k"));
  EXPECT_TRUE(dockerfile_words("  ").empty());
  EXPECT_THROW(dockerfile_words("A=\"b"), Error);
  EXPECT_THROW(dockerfile_words("'"), Error);
}

TEST(DockerfileWords, AreExpanded) {
  const std::map<std::string, std::string> cases{
      {"$A", "b"},          {"x${A}y", "xby"},        {"$NONE", ""},         {"$", "$"},
      {"$S", "x y"},        {"'$A'", "$A"},           {"\"$A c\"", "b c"},   {"\\$A", "$A"},
      {"\"\\$A\"", "$A"},   {"\"a\\nb\"", "a\\nb"},   {"a\\ b", "a b"},      {"${A:-x}", "b"},
      {"${NONE:-x}", "x"},  {"${EMPTY:-x}", "x"},     {"${EMPTY-x}", ""},    {"${NONE-x}", "x"},
      {"${A:+x}", "x"},     {"${EMPTY:+x}", ""},      {"${EMPTY+x}", "x"},   {"${NONE+x}", ""},
      {"${NONE:-$A}", "b"}, {"${NONE:-${A}c}", "bc"}, {"${NONE:-'}'}", "}"}, {"$1", "$1"},
  };
  for (const auto& [word, value] : cases)
    EXPECT_EQ(expanded(word), value) << word;
  for (const char* word : {"${A", "${", "${}", "${A:x}", "${A?x}", "${A:-x", "'a", "\"a", "${A:"})
    EXPECT_THROW(expanded(word), Error) << word;
}

json applied(json process, const std::vector<std::string>& lines) {
  ConfigInstructions instructions(process);
  for (const std::string& line : lines)
    instructions.apply(line);
  return process;
}

std::string refused(const std::string& line) {
  json process;
  try {
    ConfigInstructions(process).apply(line);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_EQ(process, json::object()) << "changed by what was refused";
    return error.what();
  }
  return "";
}

TEST(ConfigInstructions, SetCommands) {
  EXPECT_EQ(applied(nullptr, {"CMD [\"a\", \"b c\"]"}), json({{"Cmd", {"a", "b c"}}}));
  EXPECT_EQ(applied(nullptr, {"cmd echo $A"}), json({{"Cmd", {"/bin/sh", "-c", "echo $A"}}}));
  EXPECT_EQ(applied({{"Shell", {"/bin/bash", "-e"}}}, {"ENTRYPOINT run"})["Entrypoint"],
            json({"/bin/bash", "-e", "run"}));
  const json base = {{"Cmd", {"old"}}, {"Entrypoint", {"init"}}};
  EXPECT_EQ(applied(base, {"ENTRYPOINT [\"new\"]"}), json({{"Entrypoint", {"new"}}}));
  EXPECT_EQ(applied(base, {"CMD [\"mine\"]", "ENTRYPOINT [\"new\"]"}),
            json({{"Entrypoint", {"new"}}, {"Cmd", {"mine"}}}));
  EXPECT_EQ(applied(base, {"ENTRYPOINT []", "CMD []"}), json::object());
}

TEST(ConfigInstructions, SetVariables) {
  const json base = {{"Env", {"PATH=/bin", "A=1", "B=2"}}};
  EXPECT_EQ(applied(base, {"ENV A=x C=\"y z\" PATH=/opt:$PATH"})["Env"],
            json({"PATH=/opt:/bin", "A=x", "B=2", "C=y z"}));
  EXPECT_EQ(applied(base, {"ENV A the rest of it"})["Env"],
            json({"PATH=/bin", "A=the rest of it", "B=2"}));
  EXPECT_EQ(applied(base, {"ENV A=5 D=$A"})["Env"], json({"PATH=/bin", "A=5", "B=2", "D=1"}));
  EXPECT_EQ(applied(nullptr, {"ENV PATH=/opt:$PATH E="})["Env"],
            json({"PATH=/opt:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "E="}));
}

TEST(ConfigInstructions, SetTheRest) {
  EXPECT_EQ(applied(nullptr, {"EXPOSE 80 53/udp 8000-8002/tcp"})["ExposedPorts"],
            json({{"80/tcp", json::object()},
                  {"53/udp", json::object()},
                  {"8000/tcp", json::object()},
                  {"8001/tcp", json::object()},
                  {"8002/tcp", json::object()}}));
  EXPECT_EQ(
      applied({{"Labels", {{"a", "1"}}}}, {"LABEL a=2 \"b c\"='d e'", "LABEL f g h"})["Labels"],
      json({{"a", "2"}, {"b c", "d e"}, {"f", "g h"}}));
  EXPECT_EQ(applied(nullptr, {"VOLUME /a /b", "VOLUME [\"/c d\"]"})["Volumes"],
            json({{"/a", json::object()}, {"/b", json::object()}, {"/c d", json::object()}}));
  EXPECT_EQ(applied(nullptr, {"WORKDIR /a/b", "WORKDIR c/../d"})["WorkingDir"], "/a/b/d");
  EXPECT_EQ(applied(nullptr, {"WORKDIR here"})["WorkingDir"], "/here");
  EXPECT_EQ(applied(nullptr, {"USER alice:wheel"})["User"], "alice:wheel");
  for (const char* signal : {"SIGTERM", "hup", "9", "SIGRTMIN+3", "RTMAX-1"})
    EXPECT_EQ(applied(nullptr, {std::string("STOPSIGNAL ") + signal})["StopSignal"], signal);
  EXPECT_EQ(applied(nullptr, {"ONBUILD RUN make", "ONBUILD ENV A=$B"})["OnBuild"],
            json({"RUN make", "ENV A=$B"}));
}

TEST(ConfigInstructions, RefuseWhatMakesNoSense) {
  for (const char* line : {"",
                           "RUN make",
                           "COPY a b",
                           "FROM x",
                           "CMD",
                           "ENV",
                           "ENV A",
                           "ENV A=1 B",
                           "ENV =1",
                           "LABEL a",
                           "LABEL =b",
                           "EXPOSE x",
                           "EXPOSE 0",
                           "EXPOSE 70000",
                           "EXPOSE 9-8",
                           "EXPOSE 80/x",
                           "EXPOSE 1:2",
                           "USER $NONE",
                           "WORKDIR $NONE",
                           "VOLUME [\"\"]",
                           "STOPSIGNAL SIGNOTHING",
                           "STOPSIGNAL 0",
                           "STOPSIGNAL 65",
                           "ONBUILD ONBUILD RUN x",
                           "ONBUILD FROM x",
                           "CMD [\"a\", 1]",
                           "ENV A=\"b"})
    EXPECT_NE(refused(line), "") << line;
  EXPECT_THAT(refused("FOO x"), HasSubstr("FOO"));
}

ImageConfig parent() {
  const json config = {
      {"architecture", "amd64"},
      {"os", "linux"},
      {"x-unknown", {1, 2}},
      {"container", "abc"},
      {"container_config", {{"Cmd", {"x"}}}},
      {"config", {{"Env", {"A=1"}}, {"Healthcheck", {{"Test", {"NONE"}}}}}},
      {"history", {{{"created_by", "first"}}, {{"created_by", "nop"}, {"empty_layer", true}}}},
      {"rootfs", {{"type", "layers"}, {"diff_ids", {sha256("one").str(), sha256("two").str()}}}}};
  return parse_image_config(config.dump());
}

TEST(ChildConfig, KeepsWhatTheParentSaysAndTellsAStepMore) {
  ChildImage child;
  child.diff_ids = {sha256("one"), sha256("two"), sha256("three")};
  child.step = {"2024-01-01T00:00:00Z", "sh", "me", "words", false};
  child.changes = {"ENV B=$A"};
  const json made = json::parse(child_config_bytes(parent(), child));
  EXPECT_EQ(made["x-unknown"], json({1, 2}));
  EXPECT_EQ(made["config"]["Env"], json({"A=1", "B=1"}));
  EXPECT_EQ(made["config"]["Healthcheck"], json({{"Test", {"NONE"}}}));
  EXPECT_FALSE(made.contains("container") || made.contains("container_config"));
  EXPECT_EQ(made["created"], "2024-01-01T00:00:00Z");
  EXPECT_EQ(made["author"], "me");
  const ImageConfig config = parse_image_config(made.dump());
  EXPECT_EQ(config.diff_ids, child.diff_ids);
  // The second layer had no step of its own.
  ASSERT_EQ(config.history.size(), 4U);
  EXPECT_EQ(config.history[3].created_by, "sh");
  EXPECT_EQ(config.history[3].comment, "words");
  EXPECT_EQ(std::count_if(config.history.begin(), config.history.end(),
                          [](const ImageHistory& step) { return !step.empty_layer; }),
            3);
}

TEST(ChildConfig, SaysThatEarlierLayersAreGone) {
  ChildImage child;
  child.diff_ids = {sha256("all")};
  child.earlier_layers_gone = true;
  child.step.created_by = "squash";
  const ImageConfig config = parse_image_config(child_config_bytes(parent(), child));
  for (std::size_t i = 0; i + 1 < config.history.size(); ++i)
    EXPECT_TRUE(config.history[i].empty_layer) << i;
  EXPECT_FALSE(config.history.back().empty_layer);
  EXPECT_EQ(config.created, "");
}

TEST(ChildConfig, RefusesTextThatIsNotUtf8) {
  ChildImage child;
  child.step.comment = "\xff";
  EXPECT_THROW(child_config_bytes(parent(), child), Error);
}

} // namespace
} // namespace layerbox
