// Command lines, a word a line: each is refused, or means the same when it is written out in full.
#include <algorithm>

#include "cli/dispatch.hpp"
#include "cli/verbs.hpp"
#include "tests/fuzz/target.hpp"

namespace layerbox::fuzz {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view input) {
  Words words;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    words.emplace_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return words;
}

// A verb that has not run, and what it accepts.
struct Declared {
  explicit Declared(const VerbEntry& entry)
      : verb(entry.make()), line(std::string(entry.name), std::string(entry.summary)) {
    declare_all(line, *verb, common);
  }
  std::unique_ptr<Verb> verb;
  CommonOptions common;
  CommandLine line;
};

std::optional<OptionShape> shape_of(const CommandDescription& about, std::string_view name) {
  for (const OptionDescription& option : about.options) {
    if (std::find(option.names.begin(), option.names.end(), name) == option.names.end()) continue;
    if (option.placeholder.empty()) return OptionShape::flag;
    return option.value_is_optional ? OptionShape::optional_value : OptionShape::value;
  }
  return std::nullopt;
}

Words in_full(const SplitArguments& split) {
  Words words;
  for (const OptionUse& use : split.options)
    words.push_back(use.name + '=' + use.value);
  words.emplace_back("--");
  words.insert(words.end(), split.operands.begin(), split.operands.end());
  return words;
}

} // namespace

bool run_command_line(std::string_view input) {
  const Request request = find_request(words_of(input));
  const VerbEntry* entry = find_verb(request.verb);
  if (entry == nullptr) return false;
  Declared declared(*entry);
  const auto parsed = accepted([&] { return declared.line.parse(request.words); });
  if (!parsed || *parsed == Parsed::help_wanted) return false;

  const CommandDescription about = declared.line.describe();
  const auto shape = [&](std::string_view name) { return shape_of(about, name); };
  const SplitArguments split = split_arguments(request.words, about.place, shape);
  const SplitArguments again = split_arguments(in_full(split), about.place, shape);
  require(again.options == split.options && again.operands == split.operands,
          "a command line means the same when it is written out in full");
  Declared anew(*entry);
  require(anew.line.parse(in_full(split)) == Parsed::done,
          "a command line that was accepted is accepted when it is written out in full");
  return true;
}

std::vector<std::string> command_line_seeds() {
  return {"run\n-it\n--rm\n-eA=1\n--env\nB=2\n--memory=64m\n-v\n/a:/b:ro\ndebian\nls\n-l\n--rm",
          "--root\n/x\nimages\n-q\n--format\njson",
          "volume\nls\n--filter\nlabel=a",
          "run\n--ephemeral=1m\n--network=none\n-p\n8080:80\n--\ndebian",
          "ps\n-a\n--format=table",
          "pull-tar\n--max-bytes\n1g\na.tar\nname:tag",
          "exec\n-it\n-u0:0\nbox\nsh\n-c\nx",
          "images\n--nope",
          "network\ncreate\n--help",
          "rm\n-f=false\na\nb"};
}

} // namespace layerbox::fuzz
