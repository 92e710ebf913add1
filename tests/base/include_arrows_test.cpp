// The arrows of docs/architecture.md: a room includes itself and the rooms below it, nothing above.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace layerbox {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"base", {"base"}},
    {"store", {"store", "base"}},
    {"layers", {"layers", "store", "base"}},
    {"runner", {"runner", "base"}},
    {"cli", {"cli", "runner", "layers", "store", "base"}},
};

// The quoted includes of `text` that a file of `room` may not have.
std::vector<std::string> forbidden_includes(const std::string& room, const std::string& text) {
  static const std::regex kInclude(R"re((?:^|\n)[ \t]*#[ \t]*include[ \t]*"([^"]*)")re");
  std::vector<std::string> found;
  const std::sregex_iterator end;
  for (std::sregex_iterator at(text.begin(), text.end(), kInclude); at != end; ++at) {
    const std::string name = (*at)[1];
    if (!kMayInclude.at(room).contains(name.substr(0, name.find('/')))) found.push_back(name);
  }
  return found;
}

using Names = std::vector<std::string>;

TEST(IncludeArrows, FindAnIncludeThatPointsUp) {
  EXPECT_EQ(forbidden_includes("base", "#include \"store/store.hpp\"\n"), Names{"store/store.hpp"});
  EXPECT_EQ(forbidden_includes("store", "// a\n #  include \"layers/x.hpp\"\n"),
            Names{"layers/x.hpp"});
  EXPECT_EQ(forbidden_includes("layers", "#include \"base/a.hpp\"\n#include \"runner/b.hpp\"\n"),
            Names{"runner/b.hpp"});
  EXPECT_EQ(forbidden_includes("runner", "#include \"layers/x.hpp\"\n#include \"store/y.hpp\"\n"),
            (Names{"layers/x.hpp", "store/y.hpp"}));
  EXPECT_EQ(forbidden_includes("runner", "#include \"neighbour.hpp\"\n"), Names{"neighbour.hpp"});
  EXPECT_EQ(forbidden_includes("cli", "#include \"layers/x.hpp\"\n#include <cli/y.hpp>\n"),
            Names{});
}

TEST(IncludeArrows, PointDownInEveryFile) {
  const fs::path source = LAYERBOX_SOURCE_DIR;
  std::set<std::string> rooms;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(source)) {
    const std::string extension = file.path().extension();
    if (extension != ".cpp" && extension != ".hpp" && extension != ".c" && extension != ".h")
      continue;
    const fs::path name = file.path().lexically_relative(source);
    const std::string room = *name.begin();
    rooms.insert(room);
    ASSERT_TRUE(kMayInclude.contains(room)) << name << " is in no room";
    std::ifstream stream(file.path());
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(forbidden_includes(room, text), Names{}) << name;
  }
  EXPECT_EQ(rooms.size(), kMayInclude.size());
}

} // namespace
} // namespace layerbox
