#include "layers/oci/config_instructions.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "layers/oci/dockerfile_words.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::json;

constexpr unsigned kMaxPort = 65535;
constexpr int kFirstRealTime = 34; // as docker counts RTMIN
constexpr int kLastRealTime = 64;
constexpr std::string_view kSpaces = " \t\r\n";
// What $PATH is where an image says nothing of it: what a container of it gets then.
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[noreturn]] void refuse_instruction(const std::string& why) {
  throw Error(ErrorKind::invalid_argument, why);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return result;
}

// A JSON array of texts; nothing for what is no JSON array.
std::optional<std::vector<std::string>> json_words(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  const Json parsed = Json::parse(text, nullptr, false);
  if (!parsed.is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const Json& word : parsed) {
    if (!word.is_string()) refuse_instruction("an array of something else than strings");
    words.push_back(word.get<std::string>());
  }
  return words;
}

std::optional<unsigned> number(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return std::nullopt;
  return value;
}

// 80, 80/udp, 8000-8010/tcp
std::vector<std::string> ports_of(const std::string& word) {
  const std::size_t slash = std::min(word.find('/'), word.size());
  const std::string protocol = slash == word.size() ? "tcp" : word.substr(slash + 1);
  const std::string range = word.substr(0, slash);
  const std::size_t dash = range.find('-');
  const auto first = number(std::string_view(range).substr(0, dash));
  const auto last =
      dash == std::string::npos ? first : number(std::string_view(range).substr(dash + 1));
  const bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
  if (!known || !first || !last || *first == 0 || *last > kMaxPort || *first > *last)
    refuse_instruction(fmt::format("'{}' is no PORT[-PORT][/tcp|udp|sctp]", printable(word)));
  std::vector<std::string> ports;
  for (unsigned port = *first; port <= *last; ++port)
    ports.push_back(fmt::format("{}/{}", port, protocol));
  return ports;
}

bool is_signal(std::string_view text) {
  if (const auto value = number(text)) return *value >= 1 && *value <= kLastRealTime;
  std::string name = upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int signal = 1; signal < NSIG; ++signal)
    if (const char* known = ::sigabbrev_np(signal); known != nullptr && name == known) return true;
  if (name == "RTMIN" || name == "RTMAX") return true;
  const bool from_first = name.starts_with("RTMIN+");
  if (!from_first && !name.starts_with("RTMAX-")) return false;
  const auto away = number(std::string_view(name).substr(6));
  return away && *away <= static_cast<unsigned>(kLastRealTime - kFirstRealTime);
}

// "/a/./b/../c" is /a/c, as docker cleans it.
std::string clean_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  std::string clean;
  for (const std::string_view part : parts)
    clean.append("/").append(part);
  return clean.empty() ? "/" : clean;
}

// An object or array of the config; null, or anything else, becomes an empty one.
Json& member(Json& process, const char* key, Json::value_t type) {
  Json& value = process[key];
  if (value.type() != type) value = Json(type);
  return value;
}

} // namespace

ConfigInstructions::ConfigInstructions(Json& process) : process_(process) {
  if (!process_.is_object()) process_ = Json::object();
}

void ConfigInstructions::apply(std::string_view line) {
  line = trimmed(line);
  const std::size_t end = std::min(line.find_first_of(kSpaces), line.size());
  const std::string name = upper(line.substr(0, end));
  const std::string_view arguments = trimmed(line.substr(end));
  using Apply = void (ConfigInstructions::*)(std::string_view);
  static const std::map<std::string, Apply> kInstructions{
      {"ENV", &ConfigInstructions::set_environment},
      {"EXPOSE", &ConfigInstructions::expose},
      {"LABEL", &ConfigInstructions::set_labels},
      {"ONBUILD", &ConfigInstructions::add_trigger},
      {"STOPSIGNAL", &ConfigInstructions::set_stop_signal},
      {"USER", &ConfigInstructions::set_user},
      {"VOLUME", &ConfigInstructions::add_volumes},
      {"WORKDIR", &ConfigInstructions::set_working_directory},
  };
  const auto known = kInstructions.find(name);
  if (name != "CMD" && name != "ENTRYPOINT" && known == kInstructions.end())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("'{}' is no instruction that changes a config", printable(name)))
        .set_hint("CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and "
                  "WORKDIR are");
  if (arguments.empty()) refuse_instruction(fmt::format("{} needs something behind it", name));
  with_context([&] { return name; },
               [&] {
                 if (known != kInstructions.end()) return (this->*known->second)(arguments);
                 set_command(name == "CMD" ? "Cmd" : "Entrypoint", arguments);
               });
}

void ConfigInstructions::set_command(const char* key, std::string_view arguments) {
  const auto words = json_words(arguments);
  const Json command = words ? Json(*words) : shell_command(arguments);
  const bool is_cmd = std::string_view(key) == "Cmd";
  if (command.empty())
    process_.erase(key);
  else
    process_[key] = command;
  if (is_cmd)
    command_given_ = true;
  else if (!command_given_)
    process_.erase("Cmd");
}

Json ConfigInstructions::shell_command(std::string_view text) const {
  const auto shell = process_.find("Shell");
  Json command = Json::array({"/bin/sh", "-c"});
  if (shell != process_.end() && shell->is_array() && !shell->empty()) command = *shell;
  command.push_back(std::string(text));
  return command;
}

void ConfigInstructions::set_environment(std::string_view arguments) {
  const auto variables = pairs(arguments);
  Json& list = member(process_, "Env", Json::value_t::array);
  for (const auto& [name, value] : variables) {
    const std::string beginning = name + '=';
    const auto there = std::find_if(list.begin(), list.end(), [&](const Json& one) {
      return one.is_string() && one.get_ref<const std::string&>().starts_with(beginning);
    });
    if (there != list.end())
      *there = beginning + value;
    else
      list.push_back(beginning + value);
  }
}

void ConfigInstructions::set_labels(std::string_view arguments) {
  const auto labels = pairs(arguments);
  Json& object = member(process_, "Labels", Json::value_t::object);
  for (const auto& [name, value] : labels)
    object[name] = value;
}

// K=V …, or, as Dockerfiles were written once, K and the rest of the line.
std::vector<std::pair<std::string, std::string>>
ConfigInstructions::pairs(std::string_view arguments) const {
  const std::vector<std::string> words = dockerfile_words(arguments);
  if (words.front().find('=') == std::string::npos) {
    const std::string_view value = trimmed(arguments.substr(words.front().size()));
    if (value.empty()) refuse_instruction(fmt::format("'{}' is not K=V", printable(words.front())));
    return {{expand(words.front()), expand(value)}};
  }
  std::vector<std::pair<std::string, std::string>> result;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      refuse_instruction(fmt::format("'{}' is not K=V", printable(word)));
    result.emplace_back(expand(std::string_view(word).substr(0, equals)),
                        expand(std::string_view(word).substr(equals + 1)));
    if (result.back().first.empty())
      refuse_instruction(fmt::format("'{}' has no name", printable(word)));
  }
  return result;
}

void ConfigInstructions::expose(std::string_view arguments) {
  std::vector<std::string> ports;
  for (const std::string& word : dockerfile_words(arguments))
    for (std::string& port : ports_of(expand(word)))
      ports.push_back(std::move(port));
  Json& object = member(process_, "ExposedPorts", Json::value_t::object);
  for (const std::string& port : ports)
    object[port] = Json::object();
}

void ConfigInstructions::add_volumes(std::string_view arguments) {
  std::vector<std::string> paths;
  const auto words = json_words(arguments);
  for (const std::string& word : words ? *words : dockerfile_words(arguments)) {
    paths.push_back(expand(word));
    if (paths.back().empty()) refuse_instruction("a volume without a path");
  }
  Json& object = member(process_, "Volumes", Json::value_t::object);
  for (const std::string& path : paths)
    object[path] = Json::object();
}

void ConfigInstructions::set_working_directory(std::string_view arguments) {
  const std::string path = expand(arguments);
  if (path.empty()) refuse_instruction("a directory without a name");
  const std::string before = process_.value("WorkingDir", Json()).is_string()
                                 ? process_["WorkingDir"].get<std::string>()
                                 : "";
  process_["WorkingDir"] = clean_path(path.front() == '/' ? path : before + '/' + path);
}

void ConfigInstructions::set_user(std::string_view arguments) {
  const std::string user = expand(arguments);
  if (user.empty()) refuse_instruction("a user without a name");
  process_["User"] = user;
}

void ConfigInstructions::set_stop_signal(std::string_view arguments) {
  const std::string signal = expand(arguments);
  if (!is_signal(signal)) refuse_instruction(fmt::format("'{}' is no signal", printable(signal)));
  process_["StopSignal"] = signal;
}

void ConfigInstructions::add_trigger(std::string_view arguments) {
  const std::string name =
      upper(arguments.substr(0, std::min(arguments.find_first_of(kSpaces), arguments.size())));
  if (name == "ONBUILD" || name == "FROM" || name == "MAINTAINER")
    refuse_instruction(fmt::format("{} cannot be a trigger", name));
  member(process_, "OnBuild", Json::value_t::array).push_back(std::string(arguments));
}

std::string ConfigInstructions::expand(std::string_view word) const {
  std::map<std::string, std::string, std::less<>> variables{{"PATH", kDefaultPath}};
  if (const auto list = process_.find("Env"); list != process_.end() && list->is_array()) {
    for (const Json& one : *list) {
      const std::string text = one.is_string() ? one.get<std::string>() : "";
      const std::size_t equals = text.find('=');
      if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  return expand_dockerfile_word(word, [&](std::string_view name) -> const std::string* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : &found->second;
  });
}

} // namespace layerbox
