#include "cli/complete_word.hpp"

#include <algorithm>
#include <cctype>
#include <span>

#include "cli/dispatch.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

const OptionDescription* option_called(const CommandDescription& about, const std::string& name) {
  for (const OptionDescription& option : about.options)
    if (std::find(option.names.begin(), option.names.end(), name) != option.names.end())
      return &option;
  return nullptr;
}

// Where the word that is being typed stands.
struct Standing {
  const OptionDescription* value_of = nullptr; // it is this option's value
  std::size_t operands = 0;                    // that come before it
  bool options_ended = false;
};

// The option of joined letters that takes the next word: -e of "-ite"; none of "-eA=1".
const OptionDescription* waiting_letter(const CommandDescription& about, const std::string& word) {
  for (std::size_t i = 1; i < word.size(); ++i) {
    const OptionDescription* option = option_called(about, std::string("-") + word[i]);
    if (option != nullptr && option->takes_next_word())
      return i + 1 == word.size() ? option : nullptr;
  }
  return nullptr;
}

// Unlike split_arguments(), which refuses what is wrong, this makes the best of it.
Standing standing_after(const CommandDescription& about, std::span<const std::string> words) {
  Standing here;
  for (const std::string& word : words) {
    if (here.value_of != nullptr) {
      here.value_of = nullptr;
    } else if (here.options_ended || word.size() < 2 || word.front() != '-') {
      ++here.operands;
      if (about.place == OptionPlace::before_operands) here.options_ended = true;
    } else if (word == "--") {
      here.options_ended = true;
    } else if (!word.starts_with("--")) {
      here.value_of = waiting_letter(about, word);
    } else if (const OptionDescription* option = option_called(about, word)) {
      if (option->takes_next_word()) here.value_of = option;
    }
  }
  return here;
}

// "CONTAINER|IMAGE" has the words CONTAINER and IMAGE.
bool has_word(const std::string& placeholder, std::string_view word) {
  const auto is_letter = [&](std::size_t at) {
    return at < placeholder.size() &&
           std::isupper(static_cast<unsigned char>(placeholder[at])) != 0;
  };
  for (std::size_t at = placeholder.find(word); at != std::string::npos;
       at = placeholder.find(word, at + 1))
    if ((at == 0 || !is_letter(at - 1)) && !is_letter(at + word.size())) return true;
  return false;
}

class Completer {
 public:
  explicit Completer(std::string typed) : typed_(std::move(typed)) {}

  Completion take() { return std::move(done_); }
  void set_root(std::optional<std::string> root) { done_.root = std::move(root); }

  void offer(const std::string& word, std::string_view about = {}) {
    if (word.starts_with(typed_)) done_.words.push_back({word, std::string(about)});
  }

  void first_words() {
    std::string family;
    for (const VerbEntry& entry : verbs()) {
      const std::string first(entry.name.substr(0, entry.name.find(' ')));
      if (entry.group.empty() || first == family) continue;
      family = first.size() == entry.name.size() ? "" : first;
      offer(first, family.empty() ? entry.summary : std::string_view("what there is of these"));
    }
    offer("help", "what a command accepts");
  }

  void second_words(const std::string& family) {
    for (const std::string& word : verbs_of_family(family))
      offer(word, find_verb(family + ' ' + word)->summary);
  }

  void options(const CommandDescription& about) {
    for (const OptionDescription& option : about.options)
      for (const std::string& name : option.names)
        // The one letter is there for who knows it.
        if (name.starts_with("--") || typed_ == name) offer(name, option.help);
    offer("--help", "what the command accepts");
  }

  void value(const OptionDescription& option, const std::string& before) {
    for (const std::string& word : option.choices)
      offer(before + word);
    for (const std::string& suggestion : option.suggestions)
      suggest(suggestion, before);
    things(option.placeholder, before);
    if (option.names.back() == "--network") name(NameKind::network, before);
    if (option.help.find("container:NAME") != std::string::npos)
      name(NameKind::container, before + "container:");
    if (option.names.back() == "--volume") name(NameKind::volume, before, ":");
  }

  void operand(const CommandDescription& about, std::size_t index) {
    if (about.operands.empty()) return;
    const std::size_t last = about.operands.size() - 1;
    if (index > last && !about.operands[last].repeatable) return;
    std::string name = about.operands[std::min(index, last)].name;
    // A synopsis of its own, "IMAGE [COMMAND [ARG…]]": one word for each operand.
    for (std::size_t more = index; more > 0 && name.find(' ') != std::string::npos; --more)
      name.erase(0, name.find(' ') + 1);
    name.resize(std::min(name.find(' '), name.size()));
    things(name, "");
    if (name == "SHELL")
      for (const char* shell : {"bash", "zsh", "fish"})
        offer(shell);
    const bool makes = about.verb.ends_with(" create");
    if (about.verb.starts_with("volume ") && !makes) this->name(NameKind::volume);
    if (about.verb.starts_with("network ") && !makes) this->name(NameKind::network);
  }

 private:
  // Of "key=value" first the key, then the value.
  void suggest(const std::string& suggestion, const std::string& before) {
    const std::size_t equals = suggestion.find('=');
    const std::string key = before + suggestion.substr(0, equals + 1);
    const std::string value = suggestion.substr(equals + 1);
    if (!typed_.starts_with(key)) {
      if (done_.words.empty() || done_.words.back().word != key) offer(key);
      return;
    }
    things(value, key);
    if (value == "VOLUME") name(NameKind::volume, key);
    if (value == "NETWORK") name(NameKind::network, key);
    const bool is_word = !value.empty() && std::islower(static_cast<unsigned char>(value[0])) != 0;
    if (is_word) offer(before + suggestion);
  }

  void name(NameKind kind, std::string before = {}, std::string after = {}) {
    done_.names.push_back({kind, std::move(before), std::move(after)});
  }

  // The placeholders' words mean the same everywhere.
  void things(const std::string& placeholder, const std::string& before) {
    for (const char* word : {"IMAGE", "REF", "NEWREF"})
      if (has_word(placeholder, word)) name(NameKind::image, before);
    if (has_word(placeholder, "CONTAINER")) name(NameKind::container, before);
    for (const char* word : {"FILE", "DIR", "PATH", "SOURCE", "SRC", "HOST", "PROGRAM"})
      if (has_word(placeholder, word)) done_.files = true;
  }

  std::string typed_;
  Completion done_;
};

// The value of the last --root.
std::optional<std::string> root_in(const std::vector<std::string>& words, std::size_t end) {
  constexpr std::string_view kRoot = "--root";
  std::optional<std::string> root;
  for (std::size_t i = 0; i < end; ++i) {
    if (words[i].starts_with("--root=")) root = words[i].substr(kRoot.size() + 1);
    if (words[i] == kRoot && i + 1 < end) root = words[i + 1];
  }
  return root;
}

void complete_for_verb(Completer& completer, const VerbEntry& entry,
                       const std::vector<std::string>& before, const std::string& typed) {
  const std::unique_ptr<Verb> verb = entry.make();
  CommandLine line{std::string(entry.name), std::string(entry.summary)};
  CommonOptions common;
  declare_all(line, *verb, common);
  const CommandDescription about = line.describe();
  const Standing here = standing_after(about, before);
  const std::size_t equals = typed.find('=');
  if (here.value_of != nullptr) {
    completer.value(*here.value_of, "");
  } else if (here.options_ended || !typed.starts_with('-')) {
    completer.operand(about, here.operands);
  } else if (equals == std::string::npos) {
    completer.options(about);
  } else if (const OptionDescription* option = option_called(about, typed.substr(0, equals))) {
    completer.value(*option, typed.substr(0, equals + 1));
  }
}

} // namespace

Completion complete_word(const std::vector<std::string>& words) {
  if (words.empty()) return complete_word({""});
  const std::string& typed = words.back();
  Completer completer(typed);
  const std::size_t count = words.size() - 1;
  completer.set_root(root_in(words, count));
  Request request =
      find_request({words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count)});
  // What is asked about is completed like what is done.
  if (request.verb == "help") request = find_request(request.words);
  if (const VerbEntry* entry = find_verb(request.verb)) {
    complete_for_verb(completer, *entry, request.words, typed);
  } else if (!request.verb.empty()) {
    completer.second_words(request.verb);
  } else if (count > 0 && words[count - 1] == "--root") {
    return {{}, {}, true, std::nullopt};
  } else if (typed.starts_with('-')) {
    for (const char* option : {"--root", "--quiet", "--help", "--version"})
      completer.offer(option);
  } else {
    completer.first_words();
  }
  return completer.take();
}

} // namespace layerbox
