#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "cli/error_report.hpp"
#include "cli/nearest.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kUsualOptions = 128; // more only grow

} // namespace

struct CommandLine::Impl {
  static constexpr std::size_t kNone = SIZE_MAX;

  // The texts are the declaring code's literals.
  struct Definition {
    std::string_view short_name; // with its dash; empty for none
    std::string_view long_name;
    const char* placeholder = "";
    const char* help = "";
    std::size_t group = 0;
    Kind kind = Kind::value;
    Setter set;
    std::vector<std::string> choices;
    std::vector<std::string> suggestions;
    std::size_t excluded = kNone;    // the option that cannot be used beside it
    std::vector<std::string> values; // of its uses

    std::string name() const { return std::string(long_name.empty() ? short_name : long_name); }
    bool is_called(std::string_view name) const { return name == long_name || name == short_name; }
  };

  struct Operand {
    OperandDescription about;
    std::function<void(std::span<const std::string>)> set;
  };

  std::vector<Definition> options;
  std::vector<Operand> operands;
  std::vector<std::string> groups{"Options"};
  CommandDescription about;

  Definition* find(std::string_view name) {
    for (Definition& definition : options)
      if (definition.is_called(name)) return &definition;
    return nullptr;
  }

  void take(const OptionUse& use, Definition& option) const {
    if (option.kind == Kind::flag) option.values.clear(); // the last truth value counts
    if (option.kind != Kind::flag || use.value == "true") option.values.push_back(use.value);
  }

  void require_alone(const Definition& option) const {
    if (option.excluded == kNone || options[option.excluded].values.empty()) return;
    throw UsageError(fmt::format("{}: {} excludes {}", about.verb, option.name(),
                                 options[option.excluded].name()),
                     fmt::format("see 'layerbox {} --help'", about.verb));
  }

  void set(const Definition& option) const {
    try {
      const std::string& last = option.values.back();
      if (!option.choices.empty() &&
          std::count(option.choices.begin(), option.choices.end(), last) == 0)
        throw UsageError(
            fmt::format("'{}' is not one of {}", last, fmt::join(option.choices, ", ")));
      option.set(option.values);
    } catch (Error& error) {
      error.add_context(fmt::format("{}: option '{}'", about.verb, option.name()));
      throw;
    }
  }
};

CommandLine::CommandLine(std::string verb, std::string summary) : impl_(std::make_unique<Impl>()) {
  impl_->options.reserve(kUsualOptions);
  impl_->about.verb = std::move(verb);
  impl_->about.summary = std::move(summary);
}

CommandLine::~CommandLine() = default;

void CommandLine::group(std::string title) {
  impl_->groups.push_back(std::move(title));
}
void CommandLine::details(std::string text) {
  impl_->about.details = std::move(text);
}
void CommandLine::example(std::string command, std::string purpose) {
  impl_->about.examples.push_back({std::move(command), std::move(purpose)});
}
void CommandLine::options_end_at_first_operand() {
  impl_->about.place = OptionPlace::before_operands;
}

CommandLine::Option& CommandLine::Option::suggests(std::vector<std::string> values) {
  line_.impl_->options[index_].suggestions = std::move(values);
  return *this;
}

CommandLine::Option& CommandLine::Option::choices(std::vector<std::string> allowed) {
  line_.impl_->options[index_].choices = std::move(allowed);
  return *this;
}

CommandLine::Option& CommandLine::Option::excludes(const std::string& other_long_name) {
  std::vector<CommandLine::Impl::Definition>& options = line_.impl_->options;
  options[index_].excluded =
      static_cast<std::size_t>(line_.impl_->find(other_long_name) - options.data());
  return *this;
}

CommandLine::Option CommandLine::add(const char* names, const char* placeholder, const char* help,
                                     Kind kind, Setter set) {
  Impl::Definition definition;
  const std::string_view all = names;
  const std::size_t comma = all.find(',');
  (all.starts_with("--") ? definition.long_name : definition.short_name) = all.substr(0, comma);
  if (comma != std::string_view::npos) definition.long_name = all.substr(comma + 1);
  definition.placeholder = placeholder;
  definition.help = help;
  definition.group = impl_->groups.size() - 1;
  definition.kind = kind;
  definition.set = std::move(set);
  impl_->options.push_back(std::move(definition));
  return {*this, impl_->options.size() - 1};
}

CommandLine::Option CommandLine::flag(const char* names, bool& value, const char* help) {
  return add(names, "", help, Kind::flag,
             [&value](const std::vector<std::string>&) { value = true; });
}

CommandLine::Option CommandLine::text(const char* names, std::string& value,
                                      const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value,
             [&value](const std::vector<std::string>& v) { value = v.back(); });
}

CommandLine::Option CommandLine::text(const char* names, std::optional<std::string>& value,
                                      const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value,
             [&value](const std::vector<std::string>& v) { value = v.back(); });
}

CommandLine::Option CommandLine::optional_text(const char* names, std::optional<std::string>& value,
                                               const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::optional_value,
             [&value](const std::vector<std::string>& v) { value = v.back(); });
}

CommandLine::Option CommandLine::list(const char* names, std::vector<std::string>& values,
                                      const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::list,
             [&values](const std::vector<std::string>& v) { values = v; });
}

CommandLine::Option CommandLine::number(const char* names, std::uint64_t& value,
                                        const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value,
             [&value](const std::vector<std::string>& v) { value = parse_number(v.back()); });
}

CommandLine::Option CommandLine::number(const char* names, std::uint32_t& value,
                                        const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value, [&value](const std::vector<std::string>& v) {
    const std::uint64_t wide = parse_number(v.back());
    if (wide > std::numeric_limits<std::uint32_t>::max())
      throw UsageError(fmt::format("'{}' is too large", v.back()));
    value = static_cast<std::uint32_t>(wide);
  });
}

CommandLine::Option CommandLine::size(const char* names, std::uint64_t& value,
                                      const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value,
             [&value](const std::vector<std::string>& v) { value = parse_size(v.back()); });
}

void CommandLine::operand(const char* name, std::string& value, const char* help) {
  impl_->operands.push_back(
      {{name, help, true, false}, [&value](std::span<const std::string> v) { value = v.front(); }});
}

void CommandLine::operands(const char* name, std::vector<std::string>& values, Arity arity,
                           const char* help) {
  impl_->operands.push_back(
      {{name, help, arity == Arity::one_or_more, arity != Arity::at_most_one},
       [&values](std::span<const std::string> v) { values.assign(v.begin(), v.end()); }});
}

// Each single operand takes one word, where there is one, the repeatable one, which stands last,
// all that are left.
void CommandLine::take_operands(std::span<const std::string> words) const {
  for (const Impl::Operand& operand : impl_->operands) {
    if (words.empty() && operand.about.required)
      throw UsageError(fmt::format("{}: an operand is missing", impl_->about.verb),
                       "usage: " + describe().synopsis());
    const std::size_t count =
        operand.about.repeatable ? words.size() : std::min<std::size_t>(words.size(), 1);
    operand.set(words.first(count));
    words = words.subspan(count);
  }
  if (!words.empty())
    throw UsageError(fmt::format("{}: too many operands", impl_->about.verb),
                     "usage: " + describe().synopsis());
}

void CommandLine::refuse_unknown(const std::string& name) const {
  std::vector<std::string> known{"--help"};
  for (const OptionDescription& option : describe().options)
    known.insert(known.end(), option.names.begin(), option.names.end());
  // One letter is like every other.
  std::string hint = name.starts_with("--") ? did_you_mean(name, known) : "";
  if (hint.empty()) hint = fmt::format("see 'layerbox {} --help'", impl_->about.verb);
  throw UsageError(fmt::format("{}: there is no option '{}'", impl_->about.verb, name),
                   std::move(hint));
}

Parsed CommandLine::parse(const std::vector<std::string>& words) {
  Impl& impl = *impl_;
  const auto shape_of = [&](std::string_view name) -> std::optional<OptionShape> {
    if (const Impl::Definition* found = impl.find(name)) {
      if (found->kind == Kind::optional_value) return OptionShape::optional_value;
      return found->kind == Kind::flag ? OptionShape::flag : OptionShape::value;
    }
    // -h asks for help unless the verb has another use for it.
    if (name == "--help" || name == "-h") return OptionShape::flag;
    return std::nullopt;
  };
  std::string unknown;
  SplitArguments split;
  try {
    split = split_arguments(words, impl.about.place, shape_of, &unknown);
  } catch (UsageError& error) {
    if (!unknown.empty()) refuse_unknown(unknown);
    error.add_context(impl.about.verb);
    throw;
  }

  for (const OptionUse& use : split.options) {
    Impl::Definition* option = impl.find(use.name);
    if (option == nullptr) return Parsed::help_wanted;
    impl.take(use, *option);
  }
  for (const Impl::Definition& option : impl.options) {
    if (option.values.empty()) continue;
    impl.require_alone(option);
    impl.set(option);
  }
  take_operands(split.operands);
  return Parsed::done;
}

CommandDescription CommandLine::describe() const {
  CommandDescription about = impl_->about;
  for (const Impl::Definition& definition : impl_->options) {
    OptionDescription option;
    for (const std::string_view name : {definition.short_name, definition.long_name})
      if (!name.empty()) option.names.emplace_back(name);
    option.placeholder = definition.placeholder;
    option.help = definition.help;
    option.group = impl_->groups[definition.group];
    option.choices = definition.choices;
    option.suggestions = definition.suggestions;
    option.repeatable = definition.kind == Kind::list;
    option.value_is_optional = definition.kind == Kind::optional_value;
    about.options.push_back(std::move(option));
  }
  for (const Impl::Operand& operand : impl_->operands)
    about.operands.push_back(operand.about);
  return about;
}

std::string OptionDescription::value_text() const {
  if (placeholder.empty()) return "";
  return value_is_optional ? "[=" + placeholder + ']' : ' ' + placeholder;
}

std::string CommandDescription::synopsis() const {
  std::string text = "layerbox " + verb + " [OPTION]…";
  for (const OperandDescription& operand : operands) {
    // A name that is a synopsis of its own: "IMAGE [COMMAND…]".
    if (operand.name.find(' ') != std::string::npos) {
      text += ' ' + operand.name;
      continue;
    }
    std::string name = operand.name + (operand.repeatable ? "…" : "");
    text += operand.required ? ' ' + name : " [" + name + ']';
  }
  return text;
}

} // namespace layerbox
