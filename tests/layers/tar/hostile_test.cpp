// Every vector of hostile/*.txt, each a test of its own: refused with the right words or accepted
// with the right tree; nothing around the staging directory changes; what was accepted can be given
// back byte for byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <ostream>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tar/layer_record.hpp"
#include "tests/layers/tar/recipe.hpp"
#include "tests/layers/tar/workshop.hpp"

namespace layerbox::test {

void PrintTo(const Recipe& recipe, std::ostream* out);
void PrintTo(const Recipe& recipe, std::ostream* out) {
  *out << recipe.name;
}

namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += line + '\n';
  return text;
}

std::vector<Recipe> all_recipes() {
  std::vector<Recipe> all;
  for (const char* topic : {"names", "whiteouts", "links", "replaced", "types", "headers", "pax",
                            "xattrs", "sparse", "endings", "limits"}) {
    for (Recipe& recipe :
         read_recipes(std::string(LAYERBOX_TEST_DATA) + "/hostile/" + topic + ".txt"))
      all.push_back(std::move(recipe));
  }
  return all;
}

class Hostile : public testing::TestWithParam<Recipe> {};

void expect_refused(Workshop& workshop, const RecipeTar& tar, const std::string& why) {
  try {
    workshop.unpack(tar.bytes, tar.limits);
    ADD_FAILURE() << "accepted:\n" << workshop.tree_text();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(why), std::string::npos)
        << "refused with: " << error.what();
    EXPECT_TRUE(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::limit_exceeded)
        << error.what();
  }
}

void expect_accepted(Workshop& workshop, const RecipeTar& tar, const Recipe& recipe) {
  const UnpackedLayer layer = workshop.unpack(tar.bytes, tar.limits);
  std::vector<std::string> expected;
  for (const std::string& line : recipe.tree)
    expected.push_back(filled_in(line, workshop.canary()));
  EXPECT_EQ(joined(short_tree(workshop.tree_text())), joined(expected));

  EXPECT_EQ(layer.diff_id, sha256(tar.bytes));
  EXPECT_EQ(layer.tar_bytes, tar.bytes.size());
  EXPECT_TRUE(workshop.rebuilt() == tar.bytes) << "the rebuilt tar differs";
  const UniqueFd record = open_beneath(workshop.layer(), RelPath::parse("record"), O_RDONLY);
  EXPECT_EQ(verify_tree(record, workshop.tree(), 10), std::vector<std::string>{});
  if (recipe.implied) {
    std::string implied;
    for (const RelPath& path : layer.implied)
      implied += (implied.empty() ? "" : " ") + (path.is_top() ? "." : printable(path.str()));
    EXPECT_EQ(implied, *recipe.implied);
  }
  for (const std::string& words : recipe.warned)
    EXPECT_TRUE(std::any_of(layer.warnings.begin(), layer.warnings.end(),
                            [&](const std::string& w) { return w.find(words) != w.npos; }))
        << words << "\nin: " << joined(layer.warnings);
  if (recipe.warned.empty()) {
    EXPECT_EQ(joined(layer.warnings), "");
  }
}

TEST_P(Hostile, EndsAsItsRecipeSays) {
  const Recipe& recipe = GetParam();
  Workshop workshop;
  const RecipeTar tar = make_tar(recipe, workshop.canary());
  if (recipe.refused)
    expect_refused(workshop, tar, *recipe.refused);
  else
    expect_accepted(workshop, tar, recipe);
  EXPECT_EQ(workshop.harm(), "");
}

std::string test_name(const testing::TestParamInfo<Recipe>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Vectors, Hostile, testing::ValuesIn(all_recipes()), test_name);

TEST(HostileVectors, AreAtLeastAHundredAndHaveNamesOfTheirOwn) {
  std::vector<std::string> names;
  for (const Recipe& recipe : all_recipes())
    names.push_back(recipe.name);
  EXPECT_GE(names.size(), 100U);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

} // namespace
} // namespace layerbox::test
