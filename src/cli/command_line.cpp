#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "cli/error_report.hpp"
#include "cli/nearest.hpp"
#include "cli/units.hpp"

namespace layerbox {

struct CommandLine::Impl {
  struct Definition {
    CLI::Option* option = nullptr;
    Kind kind = Kind::value;
    Setter set;
    std::vector<std::string> choices;
    std::vector<std::string> suggestions;
  };

  struct Operand {
    OperandDescription about;
    std::function<void(std::span<const std::string>)> set;
  };

  CLI::App app;
  std::vector<Definition> options;
  std::vector<Operand> operands;
  std::string current_group = "Options";
  CommandDescription about;
  bool help = false;

  Definition* find(std::string_view name) {
    CLI::Option* option = app.get_option_no_throw(std::string(name));
    for (Definition& definition : options)
      if (definition.option == option && option != nullptr) return &definition;
    return nullptr;
  }

  static std::string name_of(const CLI::Option& option) {
    if (!option.get_lnames().empty()) return "--" + option.get_lnames().front();
    return "-" + option.get_snames().front();
  }
};

CommandLine::CommandLine(std::string verb, std::string summary) : impl_(std::make_unique<Impl>()) {
  impl_->app.set_help_flag();
  impl_->about.verb = std::move(verb);
  impl_->about.summary = std::move(summary);
}

CommandLine::~CommandLine() = default;

void CommandLine::group(std::string title) {
  impl_->current_group = std::move(title);
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
  CommandLine::Impl& impl = *line_.impl_;
  impl.options[index_].option->excludes(impl.app.get_option(other_long_name));
  return *this;
}

CommandLine::Option CommandLine::add(const char* names, const char* placeholder, const char* help,
                                     Kind kind, Setter set) {
  CLI::Option* option = nullptr;
  if (kind == Kind::flag) {
    option = impl_->app.add_flag_callback(
        names, [] {}, help);
  } else {
    // The values are read from results() after the parse: CLI11 gives "{}" and "[…]" a meaning of
    // its own on the way to a variable.
    option = impl_->app.add_option(
        names, [](const CLI::results_t&) { return true; }, help);
    option->type_name(placeholder)->allow_extra_args(false);
  }
  option->multi_option_policy(kind == Kind::list ? CLI::MultiOptionPolicy::TakeAll
                                                 : CLI::MultiOptionPolicy::TakeLast);
  option->group(impl_->current_group);
  impl_->options.push_back({option, kind, std::move(set), {}, {}});
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

  // CLI11 takes its words from the back, and gets the options only.
  std::vector<std::string> reversed;
  for (auto use = split.options.rbegin(); use != split.options.rend(); ++use) {
    const Impl::Definition* found = impl.find(use->name);
    if (found == nullptr) return Parsed::help_wanted;
    if (found->kind == Kind::flag) {
      // The last truth value of a flag counts.
      const bool later = std::any_of(split.options.rbegin(), use, [&](const OptionUse& other) {
        return impl.find(other.name) == found;
      });
      if (!later && use->value == "true") reversed.push_back(Impl::name_of(*found->option));
    } else {
      reversed.push_back(use->value);
      reversed.push_back(Impl::name_of(*found->option));
    }
  }
  try {
    impl.app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    throw UsageError(fmt::format("{}: {}", impl.about.verb, error.what()),
                     fmt::format("see 'layerbox {} --help'", impl.about.verb));
  }

  for (const Impl::Definition& definition : impl.options) {
    if (definition.option->count() == 0) continue;
    const std::vector<std::string>& values = definition.option->results();
    const std::string context =
        fmt::format("{}: option '{}'", impl.about.verb, Impl::name_of(*definition.option));
    try {
      if (!definition.choices.empty() &&
          std::count(definition.choices.begin(), definition.choices.end(), values.back()) == 0)
        throw UsageError(fmt::format("'{}' is not one of {}", values.back(),
                                     fmt::join(definition.choices, ", ")));
      definition.set(values);
    } catch (Error& error) {
      error.add_context(context);
      throw;
    }
  }
  take_operands(split.operands);
  return Parsed::done;
}

CommandDescription CommandLine::describe() const {
  CommandDescription about = impl_->about;
  for (const Impl::Definition& definition : impl_->options) {
    OptionDescription option;
    for (const std::string& name : definition.option->get_snames())
      option.names.push_back("-" + name);
    for (const std::string& name : definition.option->get_lnames())
      option.names.push_back("--" + name);
    if (definition.kind != Kind::flag) option.placeholder = definition.option->get_type_name();
    option.help = definition.option->get_description();
    option.group = definition.option->get_group();
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
