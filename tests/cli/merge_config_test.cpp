#include "cli/merge_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

Surroundings surroundings() {
  Surroundings around;
  around.container_id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  around.working_directory = "/home/me";
  around.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "EDITOR") return "vi";
    return std::nullopt;
  };
  return around;
}

RunFlags flags_for(Words operands) {
  RunFlags flags;
  flags.operands = std::move(operands);
  return flags;
}

struct ArgsCase {
  const char* name;
  std::optional<Words> image_entrypoint;
  std::optional<Words> image_cmd;
  std::optional<std::string> entrypoint;
  Words command;
  Words expected; // empty: refused
};

class MergeArgs : public testing::TestWithParam<ArgsCase> {};

TEST_P(MergeArgs, FollowsDocker) {
  ImageProcess image;
  image.entrypoint = GetParam().image_entrypoint;
  image.cmd = GetParam().image_cmd;
  if (GetParam().expected.empty()) {
    EXPECT_THROW(merge_args(image, GetParam().entrypoint, GetParam().command), Error);
  } else {
    EXPECT_EQ(merge_args(image, GetParam().entrypoint, GetParam().command), GetParam().expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, MergeArgs,
    testing::Values(
        ArgsCase{"CmdAlone", {}, Words{"sh"}, {}, {}, {"sh"}},
        ArgsCase{"EntrypointAlone", Words{"/init"}, {}, {}, {}, {"/init"}},
        ArgsCase{
            "EntrypointAndCmd", Words{"/init", "-v"}, Words{"a"}, {}, {}, {"/init", "-v", "a"}},
        ArgsCase{
            "CommandReplacesCmd", Words{"/init"}, Words{"a"}, {}, {"b", "c"}, {"/init", "b", "c"}},
        ArgsCase{"CommandAlone", {}, {}, {}, {"ls"}, {"ls"}},
        ArgsCase{"GivenEntrypointVoidsCmd", Words{"/init"}, Words{"a"}, "/bin/x", {}, {"/bin/x"}},
        ArgsCase{"GivenEntrypointKeepsCommand", {}, Words{"a"}, "/bin/x", {"b"}, {"/bin/x", "b"}},
        ArgsCase{"EmptyEntrypointClears", Words{"/init"}, Words{"a"}, "", {"ls"}, {"ls"}},
        ArgsCase{"EmptyEntrypointVoidsCmd", Words{"/init"}, Words{"a"}, "", {}, {}},
        ArgsCase{"NothingToRun", {}, {}, {}, {}, {}},
        ArgsCase{"EmptyWordsAreWords", {}, Words{"a"}, {}, {""}, {""}}),
    [](const auto& one) { return one.param.name; });

TEST(CommandOf, IsEverythingAfterTheImage) {
  EXPECT_THAT(command_of(flags_for({"debian", "ls", "-l"})), ElementsAre("ls", "-l"));
}

TEST(CommandOf, DropsOneDoubleDashAfterTheImage) {
  EXPECT_THAT(command_of(flags_for({"debian", "--", "--", "x"})), ElementsAre("--", "x"));
}

TEST(CommandOf, TakesAllOperandsWithARootfs) {
  RunFlags flags = flags_for({"ls", "-l"});
  flags.rootfs = "/srv/root";
  EXPECT_THAT(command_of(flags), ElementsAre("ls", "-l"));
}

TEST(MergeConfig, GivesDefaultVariables) {
  const RunSpec spec = merge_config({}, flags_for({"debian", "sh"}), surroundings());
  EXPECT_THAT(spec.process.env,
              ElementsAre(std::string("PATH=") + kDefaultPath, "HOSTNAME=0123456789ab"));
}

TEST(MergeConfig, SetsTermForATerminalUnlessTheImageDoes) {
  RunFlags flags = flags_for({"debian", "sh"});
  flags.terminal = true;
  EXPECT_THAT(merge_config({}, flags, surroundings()).process.env, Contains("TERM=xterm"));
  ImageProcess image;
  image.env = {"TERM=linux"};
  const Words env = merge_config(image, flags, surroundings()).process.env;
  EXPECT_THAT(env, Contains("TERM=linux"));
  EXPECT_THAT(env, Not(Contains("TERM=xterm")));
}

TEST(MergeConfig, OrdersVariablesImageThenFileThenFlag) {
  ImageProcess image;
  image.env = {"A=image", "B=image", "C=image"};
  RunFlags flags = flags_for({"debian", "sh"});
  flags.env = {"C=flag"};
  Surroundings around = surroundings();
  around.env_files = {{"vars", "B=file\nC=file\n"}};
  const Words env = merge_config(image, flags, around).process.env;
  EXPECT_THAT(env, Contains("A=image"));
  EXPECT_THAT(env, Contains("B=file"));
  EXPECT_THAT(env, Contains("C=flag"));
  EXPECT_EQ(env.size(), 5U);
}

TEST(MergeConfig, FlagsWinOverTheImage) {
  ImageProcess image;
  image.user = "www";
  image.working_dir = "/srv";
  RunFlags flags = flags_for({"debian", "sh"});
  EXPECT_EQ(merge_config(image, flags, surroundings()).process.user.text, "www");
  EXPECT_EQ(merge_config(image, flags, surroundings()).process.cwd, "/srv");
  flags.user = "0:0";
  flags.workdir = "/tmp";
  EXPECT_EQ(merge_config(image, flags, surroundings()).process.user.text, "0:0");
  EXPECT_EQ(merge_config(image, flags, surroundings()).process.cwd, "/tmp");
}

TEST(MergeConfig, MakesAnImagesRelativeWorkingDirectoryAbsolute) {
  ImageProcess image;
  image.working_dir = "srv";
  EXPECT_EQ(merge_config(image, flags_for({"x", "sh"}), surroundings()).process.cwd, "/srv");
}

TEST(MergeConfig, RefusesARelativeWorkdirFlag) {
  RunFlags flags = flags_for({"debian", "sh"});
  flags.workdir = "tmp";
  EXPECT_THROW(merge_config({}, flags, surroundings()), UsageError);
}

TEST(MergeConfig, RefusesHostnamesThatAreNone) {
  for (const char* name : {"a b", "a/b", "-x", "\n"}) {
    RunFlags flags = flags_for({"debian", "sh"});
    flags.hostname = name;
    EXPECT_THROW(merge_config({}, flags, surroundings()), UsageError) << name;
  }
  RunFlags flags = flags_for({"debian", "sh"});
  flags.hostname = std::string(65, 'a');
  EXPECT_THROW(merge_config({}, flags, surroundings()), UsageError);
}

TEST(MergeConfig, TakesTheNetworkFromFlagElseSetting) {
  RunFlags flags = flags_for({"debian", "sh"});
  Surroundings around = surroundings();
  EXPECT_EQ(merge_config({}, flags, around).network, NetworkMode::none);
  around.network = "host";
  EXPECT_EQ(merge_config({}, flags, around).network, NetworkMode::host);
  flags.network = "none";
  EXPECT_EQ(merge_config({}, flags, around).network, NetworkMode::none);
}

TEST(MergeConfig, SharesNamespacesWithTheHost) {
  RunFlags flags = flags_for({"debian", "sh"});
  flags.namespaces = {"host", "host", "host", "host", {}};
  Surroundings around = surroundings();
  around.host_name = "machine";
  const RunSpec spec = merge_config({}, flags, around);
  for (const NamespaceSpec* one :
       {&spec.namespaces.pid, &spec.namespaces.ipc, &spec.namespaces.uts, &spec.namespaces.cgroup})
    EXPECT_EQ(one->mode, NamespaceMode::host);
  EXPECT_EQ(spec.namespaces.user.mode, NamespaceMode::own);
  EXPECT_EQ(spec.hostname, "machine");
  EXPECT_THAT(spec.process.env, Contains("HOSTNAME=machine"));
  flags.hostname = "mine";
  EXPECT_THROW(merge_config({}, flags, around), UsageError);
}

TEST(MergeConfig, KnowsNoHostNameInAnothersUtsNamespace) {
  RunFlags flags = flags_for({"debian", "sh"});
  flags.namespaces.uts = "container:web";
  const RunSpec spec = merge_config({}, flags, surroundings());
  EXPECT_EQ(spec.hostname, "");
  EXPECT_THAT(spec.process.env, Not(Contains(HasSubstr("HOSTNAME"))));
}

TEST(MergeConfig, GivesDockersDefaultCapabilities) {
  EXPECT_EQ(merge_config({}, flags_for({"x", "sh"}), surroundings()).process.capabilities,
            default_capabilities());
}

TEST(MergeConfig, CollectsMountsParentsFirst) {
  RunFlags flags = flags_for({"debian", "sh"});
  flags.volumes = {"./a:/srv/a"};
  flags.tmpfs = {"/srv"};
  const RunSpec spec = merge_config({}, flags, surroundings());
  ASSERT_EQ(spec.mounts.size(), 2U);
  EXPECT_EQ(spec.mounts[0].destination, "/srv");
  EXPECT_EQ(spec.mounts[1].source, "/home/me/a");
}

TEST(MergeConfig, SaysWhenNothingIsThereToRun) {
  try {
    merge_config({}, flags_for({"debian"}), surroundings());
    FAIL() << "it found something to run";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no command"));
    EXPECT_THAT(error.hint(), HasSubstr("command after the image"));
  }
}

} // namespace
} // namespace layerbox
