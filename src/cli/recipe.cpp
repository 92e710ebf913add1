#include "cli/recipe.hpp"

#include <charconv>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/invocation.hpp"
#include "cli/verbs.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

// A command line may be 2 MiB, and so may its environment (execve(2)).
constexpr std::size_t kMaxRecipeBytes = std::size_t{8} << 20;

[[noreturn]] void throw_damaged_recipe() {
  throw Error(ErrorKind::corrupt, "how it is started: the file is damaged");
}

void append_string(std::string& text, const std::string& part) {
  text.append(part).push_back('\0');
}

} // namespace

std::string recipe_text(const Recipe& recipe) {
  std::string text;
  append_string(text, recipe.directory);
  append_string(text, std::to_string(recipe.words.size()));
  for (const std::string& word : recipe.words)
    append_string(text, word);
  for (const std::string& variable : recipe.environment)
    append_string(text, variable);
  return text;
}

Recipe parse_recipe(const std::string& text) {
  std::vector<std::string> strings;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\0', at);
    if (end == std::string::npos) throw_damaged_recipe();
    strings.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (strings.size() < 2) throw_damaged_recipe();
  std::size_t count = 0;
  const std::string& number = strings[1];
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, count);
  if (error != std::errc() || stop != end || count > strings.size() - 2) throw_damaged_recipe();
  const auto first = strings.begin() + 2;
  const auto middle = first + static_cast<std::ptrdiff_t>(count);
  return {{first, middle}, strings[0], {middle, strings.end()}};
}

void write_recipe(FdRef container_dir, const Recipe& recipe) {
  write_new_file(container_dir, layout::kRecipe, recipe_text(recipe), 0600);
  const UniqueFd file =
      open_beneath(container_dir, RelPath::parse(layout::kRecipe), O_RDONLY | O_CLOEXEC);
  fsync_fd(file, layout::kRecipe);
  fsync_fd(container_dir, "the container's directory");
}

Recipe read_recipe(FdRef container_dir) {
  try {
    return parse_recipe(
        read_small_file(container_dir, RelPath::parse(layout::kRecipe), kMaxRecipeBytes));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    throw Error(ErrorKind::not_found, "its making was not finished")
        .set_hint("remove it, and make it again");
  }
}

RunFlags flags_of(const Recipe& recipe) {
  CommandLine line{"run", ""};
  RunFlags flags;
  CommonOptions common;
  declare_run_flags(line, flags);
  line.flag("-d,--detach", flags.detach, "");
  declare_common(line, common);
  (void)line.parse(recipe.words);
  flags.env = recipe.environment;
  flags.env_files.clear();
  flags.cidfile.reset();
  return flags;
}

} // namespace layerbox
