#include "cli/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.hpp"
#include "cli/toml_subset.hpp"

namespace layerbox {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string settings_refusal(const std::string& text) {
  try {
    parse_toml(text, "config.toml");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(TomlSubset, ReadsStringsNumbersAndTruth) {
  const auto entries = parse_toml("# first\na = \"x # y\" # after\n\n b='c\\d'\r\n"
                                  "n = 10\nt = true\n[table]\nk-1 = \"\\\"\\\\\\n\\t\"\n",
                                  "config.toml");
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[0].value, "x # y");
  EXPECT_EQ(entries[0].line, 2U);
  EXPECT_EQ(entries[1].value, "c\\d");
  EXPECT_EQ(entries[2].kind, TomlKind::integer);
  EXPECT_EQ(entries[3].kind, TomlKind::boolean);
  EXPECT_EQ(entries[4].key, "table.k-1");
  EXPECT_EQ(entries[4].value, "\"\\\n\t");
  EXPECT_EQ(entries[4].line, 8U);
}

TEST(TomlSubset, ReadsNothingFromNothing) {
  EXPECT_THAT(parse_toml("", "f"), IsEmpty());
  EXPECT_THAT(parse_toml("\n# only a comment", "f"), IsEmpty());
}

TEST(TomlSubset, NamesTheLineOfAnError) {
  EXPECT_THAT(settings_refusal("a = 1\nb = \n"), HasSubstr("config.toml:2: a value is missing"));
  EXPECT_THAT(settings_refusal("a = \"x"), HasSubstr("config.toml:1: a string has no end"));
  EXPECT_THAT(settings_refusal("a = \"x\\u0041\""), HasSubstr("escape"));
  EXPECT_THAT(settings_refusal("a = 1 b = 2"), HasSubstr("more on the line"));
  EXPECT_THAT(settings_refusal("a 1"), HasSubstr("'=' is missing"));
  EXPECT_THAT(settings_refusal("= 1"), HasSubstr("a name is missing"));
  EXPECT_THAT(settings_refusal("a = bare"), HasSubstr("no string in quotes"));
  EXPECT_THAT(settings_refusal("a = 1.5"), HasSubstr("no number"));
  EXPECT_THAT(settings_refusal("a = 007"), HasSubstr("no number"));
  EXPECT_THAT(settings_refusal("a = [1]"), HasSubstr("no string in quotes"));
  EXPECT_THAT(settings_refusal("a.b = 1"), HasSubstr("'=' is missing"));
  EXPECT_THAT(settings_refusal("[t"), HasSubstr("']' is missing"));
  EXPECT_THAT(settings_refusal("a = 1\na = 2"), HasSubstr("config.toml:2: 'a' is set twice"));
  EXPECT_THAT(settings_refusal("[t]\n[t]"), HasSubstr("'t' is there twice"));
}

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "layerbox-settings-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    std::filesystem::create_directories(dir_ / "xdg/layerbox");
    sources_.machine_file = dir_ / "machine.toml";
    sources_.working_directory = "/work";
    sources_.for_root = true;
    sources_.environment = [this](const std::string& variable) -> std::optional<std::string> {
      const auto found = variables_.find(variable);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
    variables_["XDG_CONFIG_HOME"] = dir_ / "xdg";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void write(const char* name, const std::string& text) { std::ofstream(dir_ / name) << text; }
  Settings load(const std::optional<std::string>& flag = std::nullopt) {
    return load_settings(sources_, flag);
  }
  std::string failure() {
    try {
      load();
    } catch (const Error& error) {
      return std::string(error.what()) + " | " + error.hint();
    }
    return "";
  }

  std::filesystem::path dir_;
  std::map<std::string, std::string> variables_;
  SettingsSources sources_;
};

TEST_F(SettingsTest, HaveDefaults) {
  const Settings settings = load();
  EXPECT_EQ(settings.root.value, "/var/lib/layerbox");
  EXPECT_EQ(settings.root.origin, "default");
  EXPECT_EQ(settings.backend.value, "auto");
  EXPECT_EQ(settings.network.value, "none");
}

TEST_F(SettingsTest, PutAnOrdinaryUsersStoreIntoHisHome) {
  sources_.for_root = false;
  variables_["HOME"] = "/home/me";
  EXPECT_EQ(load().root.value, "/home/me/.local/share/layerbox");
  variables_["XDG_DATA_HOME"] = "/data";
  EXPECT_EQ(load().root.value, "/data/layerbox");
  variables_["XDG_DATA_HOME"] = "relative";
  EXPECT_EQ(load().root.value, "/home/me/.local/share/layerbox");
}

TEST_F(SettingsTest, SayWhenThereIsNoHome) {
  sources_.for_root = false;
  EXPECT_THAT(failure(), HasSubstr("HOME is not set | give a directory with --root"));
}

TEST_F(SettingsTest, LetTheLaterWinAndRememberWhere) {
  write("machine.toml", "root = \"/a\"\nbackend = \"copy\"\nnetwork = \"host\"\n");
  Settings settings = load();
  EXPECT_EQ(settings.root.value, "/a");
  EXPECT_EQ(settings.root.origin, sources_.machine_file + ":1");
  EXPECT_EQ(settings.backend.origin, sources_.machine_file + ":2");

  write("xdg/layerbox/config.toml", "# mine\nroot = \"/b\"\n");
  settings = load();
  EXPECT_EQ(settings.root.value, "/b");
  EXPECT_EQ(settings.root.origin, (dir_ / "xdg/layerbox/config.toml").string() + ":2");
  EXPECT_EQ(settings.backend.value, "copy");

  variables_["LAYERBOX_ROOT"] = "/c";
  variables_["LAYERBOX_NETWORK"] = "none";
  settings = load();
  EXPECT_EQ(settings.root.value, "/c");
  EXPECT_EQ(settings.root.origin, "LAYERBOX_ROOT");
  EXPECT_EQ(settings.network.value, "none");

  settings = load("/d");
  EXPECT_EQ(settings.root.value, "/d");
  EXPECT_EQ(settings.root.origin, "--root");
}

TEST_F(SettingsTest, MakeTheRootAbsolute) {
  EXPECT_EQ(load("store").root.value, "/work/store");
  EXPECT_EQ(load("./a//b/").root.value, "/work/a/b");
}

TEST_F(SettingsTest, RefuseUnknownKeysWithTheNearest) {
  write("machine.toml", "\nbackends = \"copy\"\n");
  EXPECT_THAT(failure(), HasSubstr("machine.toml:2: there is no setting 'backends' | did you mean "
                                   "'backend'?"));
}

TEST_F(SettingsTest, RefuseValuesOfTheWrongKind) {
  write("machine.toml", "root = 1\n");
  EXPECT_THAT(failure(), HasSubstr("machine.toml:1: the setting 'root' needs a string"));
  write("machine.toml", "root = \"relative\"\n");
  EXPECT_THAT(failure(), HasSubstr("machine.toml:1: 'root' is not absolute"));
  write("machine.toml", "network = \"wide net\"\n");
  EXPECT_THAT(failure(), HasSubstr("machine.toml:1: 'wide net' is no network"));
}

TEST_F(SettingsTest, RefuseAFileThatIsNoFile) {
  std::filesystem::create_directory(sources_.machine_file);
  EXPECT_THAT(failure(), HasSubstr("is not a regular file"));
}

TEST_F(SettingsTest, RefuseAFileThatIsTooLarge) {
  write("machine.toml", std::string(kMaxSettingsBytes + 1, '#'));
  EXPECT_THAT(failure(), HasSubstr("machine.toml"));
}

} // namespace
} // namespace layerbox
