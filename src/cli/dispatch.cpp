#include "cli/dispatch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "cli/error_report.hpp"
#include "cli/help_text.hpp"
#include "cli/nearest.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

// Options that take a value and may stand before the verb; all others there are flags.
constexpr std::array<std::string_view, 4> kLeadingValues{"--root", "--format", "--backend",
                                                         "--network"};

bool takes_value(std::string_view option) {
  return std::find(kLeadingValues.begin(), kLeadingValues.end(), option) != kLeadingValues.end();
}

[[noreturn]] void refuse_verb(const std::string& name) {
  if (const std::vector<std::string> family = verbs_of_family(name); !family.empty())
    throw UsageError(fmt::format("'{}' is followed by what to do", name),
                     fmt::format("it is one of {}", fmt::join(family, ", ")));
  std::vector<std::string> names;
  for (const VerbEntry& entry : verbs())
    if (!entry.group.empty()) names.emplace_back(entry.name);
  std::string hint = did_you_mean(name, names);
  if (hint.empty()) hint = "'layerbox --help' lists the commands";
  throw UsageError(fmt::format("there is no command '{}'", name), std::move(hint));
}

int run_verb(const VerbEntry& entry, const std::vector<std::string>& words) {
  const std::unique_ptr<Verb> verb = entry.make();
  const int status_of_failure = verb->status_of_failure();
  return guarded(status_of_failure, [&] {
    CommandLine line{std::string(entry.name), std::string(entry.summary)};
    CommonOptions common;
    declare_all(line, *verb, common);
    if (line.parse(words) == Parsed::help_wanted) {
      print(verb_help(line.describe(), terminal_columns()));
      return exit_code::kDone;
    }
    Invocation invocation(std::move(common), words);
    return verb->run(invocation);
  });
}

int run_request(const Request& request, const std::vector<std::string>& words) {
  if (!words.empty() && words.front() == "--version") {
    print("layerbox " LAYERBOX_VERSION "\n");
    return exit_code::kDone;
  }
  if (request.verb == "help" && !request.words.empty()) {
    const std::string name = find_request(request.words).verb;
    const VerbEntry* entry = find_verb(name);
    if (entry == nullptr) refuse_verb(name);
    return run_verb(*entry, {"--help"});
  }
  const bool wants_help = request.verb.empty() && !request.words.empty() &&
                          (request.words.back() == "--help" || request.words.back() == "-h");
  if (wants_help || request.verb == "help") {
    print(program_help(verbs(), terminal_columns()));
    return exit_code::kDone;
  }
  if (request.verb.empty() && !words.empty() && takes_value(words.back()))
    throw UsageError(fmt::format("option '{}' needs a value", words.back()));
  if (request.verb.empty())
    throw UsageError("no command was given", "'layerbox --help' lists the commands");
  const VerbEntry* entry = find_verb(request.verb);
  if (entry == nullptr) refuse_verb(request.verb);
  return run_verb(*entry, request.words);
}

} // namespace

Request find_request(const std::vector<std::string>& words) {
  Request request;
  std::size_t at = 0;
  while (at < words.size() && words[at].starts_with('-')) {
    const std::string& word = words[at++];
    request.words.push_back(word);
    if (takes_value(word) && at < words.size()) request.words.push_back(words[at++]);
  }
  if (at < words.size()) request.verb = words[at++];
  if (at < words.size() && !words[at].starts_with('-') && !verbs_of_family(request.verb).empty())
    request.verb += ' ' + words[at++];
  request.words.insert(request.words.end(), words.begin() + static_cast<std::ptrdiff_t>(at),
                       words.end());
  return request;
}

int run_command_line(const std::vector<std::string>& words) noexcept {
  try {
    return run_request(find_request(words), words);
  } catch (const UsageError& error) {
    print_error(error);
    return exit_code::kUsage;
  } catch (const std::exception& error) {
    print_error(error.what(), "");
    return exit_code::kFailed;
  }
}

} // namespace layerbox
