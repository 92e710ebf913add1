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

using Values = std::vector<std::string>;

constexpr std::size_t kUsualOptions = 128; // more only grow

void set_optional(void* to, const Values& values) {
  *static_cast<std::optional<std::string>*>(to) = values.back();
}

} // namespace

struct CommandLine::Impl {
  // What few options have.
  struct Extras {
    std::vector<std::string> choices;
    std::vector<std::string> suggestions;
    const char* excluded = nullptr; // the long name of the option that cannot be used beside it
  };

  // As small as it can be: a verb may have a hundred, of which a start uses three.
  struct Definition {
    const char* names;
    const char* placeholder;
    const char* help;
    void* value;
    Setter set;
    std::uint32_t group;
    Kind kind;
    std::uint16_t extras = 0; // counted from 1; 0 for none

    std::string_view short_name() const { return names[1] == '-' ? "" : first(); }
    std::string_view long_name() const {
      const std::string_view all = names;
      if (names[1] == '-') return first();
      return all.size() == first().size() ? "" : all.substr(first().size() + 1);
    }
    std::string name() const {
      return std::string(long_name().empty() ? short_name() : long_name());
    }
    bool is_called(std::string_view name) const {
      return name == long_name() || name == short_name();
    }

   private:
    std::string_view first() const {
      return std::string_view(names).substr(0, std::string_view(names).find(','));
    }
  };
  using Uses = std::vector<std::vector<std::string>>; // the values of each option's

  struct Operand {
    OperandDescription about;
    std::function<void(std::span<const std::string>)> set;
  };
  struct ExampleText {
    const char* command;
    const char* purpose;
  };

  std::string verb;
  std::string summary;
  const char* details = "";
  std::vector<Definition> options;
  std::vector<Extras> extras;
  std::vector<Operand> operands;
  std::vector<const char*> groups{"Options"};
  std::vector<ExampleText> examples;
  OptionPlace place = OptionPlace::anywhere;

  const Definition* find(std::string_view name) const {
    for (const Definition& definition : options)
      if (definition.is_called(name)) return &definition;
    return nullptr;
  }

  std::size_t index_of(const Definition& option) const {
    return static_cast<std::size_t>(&option - options.data());
  }

  const Extras& extras_of(const Definition& option) const {
    static const Extras kNone;
    return option.extras == 0 ? kNone : extras[option.extras - 1];
  }

  Extras& make_extras(std::size_t index) {
    Definition& option = options[index];
    if (option.extras == 0) {
      extras.emplace_back();
      option.extras = static_cast<std::uint16_t>(extras.size());
    }
    return extras[option.extras - 1];
  }

  void take(const OptionUse& use, const Definition& option, Uses& uses) const {
    std::vector<std::string>& values = uses[index_of(option)];
    if (option.kind == Kind::flag) values.clear(); // the last truth value counts
    if (option.kind != Kind::flag || use.value == "true") values.push_back(use.value);
  }

  void require_alone(const Definition& option, const Uses& uses) const {
    const char* other = extras_of(option).excluded;
    if (other == nullptr || uses[index_of(*find(other))].empty()) return;
    throw UsageError(fmt::format("{}: {} excludes {}", verb, option.name(), other),
                     fmt::format("see 'layerbox {} --help'", verb));
  }

  void set(const Definition& option, const std::vector<std::string>& values) const {
    try {
      const std::vector<std::string>& choices = extras_of(option).choices;
      if (!choices.empty() && std::count(choices.begin(), choices.end(), values.back()) == 0)
        throw UsageError(
            fmt::format("'{}' is not one of {}", values.back(), fmt::join(choices, ", ")));
      option.set(option.value, values);
    } catch (Error& error) {
      error.add_context(fmt::format("{}: option '{}'", verb, option.name()));
      throw;
    }
  }
};

CommandLine::CommandLine(std::string verb, std::string summary) : impl_(std::make_unique<Impl>()) {
  impl_->options.reserve(kUsualOptions);
  impl_->verb = std::move(verb);
  impl_->summary = std::move(summary);
}

CommandLine::~CommandLine() = default;

void CommandLine::group(const char* title) {
  impl_->groups.push_back(title);
}
void CommandLine::details(const char* text) {
  impl_->details = text;
}
void CommandLine::example(const char* command, const char* purpose) {
  impl_->examples.push_back({command, purpose});
}
void CommandLine::options_end_at_first_operand() {
  impl_->place = OptionPlace::before_operands;
}

CommandLine::Option& CommandLine::Option::suggests(std::vector<std::string> values) {
  line_.impl_->make_extras(index_).suggestions = std::move(values);
  return *this;
}

CommandLine::Option& CommandLine::Option::choices(std::vector<std::string> allowed) {
  line_.impl_->make_extras(index_).choices = std::move(allowed);
  return *this;
}

CommandLine::Option& CommandLine::Option::excludes(const char* other_long_name) {
  line_.impl_->make_extras(index_).excluded = other_long_name;
  return *this;
}

CommandLine::Option CommandLine::add(const char* names, const char* placeholder, const char* help,
                                     Kind kind, void* value, Setter set) {
  impl_->options.push_back({names, placeholder, help, value, set,
                            static_cast<std::uint32_t>(impl_->groups.size() - 1), kind});
  return {*this, impl_->options.size() - 1};
}

CommandLine::Option CommandLine::flag(const char* names, bool& value, const char* help) {
  return add(names, "", help, Kind::flag, &value,
             [](void* to, const Values&) { *static_cast<bool*>(to) = true; });
}

CommandLine::Option CommandLine::text(const char* names, std::string& value,
                                      const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value, &value,
             [](void* to, const Values& v) { *static_cast<std::string*>(to) = v.back(); });
}

CommandLine::Option CommandLine::text(const char* names, std::optional<std::string>& value,
                                      const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value, &value, set_optional);
}

CommandLine::Option CommandLine::optional_text(const char* names, std::optional<std::string>& value,
                                               const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::optional_value, &value, set_optional);
}

CommandLine::Option CommandLine::list(const char* names, std::vector<std::string>& values,
                                      const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::list, &values,
             [](void* to, const Values& v) { *static_cast<Values*>(to) = v; });
}

CommandLine::Option CommandLine::number(const char* names, std::uint64_t& value,
                                        const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value, &value, [](void* to, const Values& v) {
    *static_cast<std::uint64_t*>(to) = parse_number(v.back());
  });
}

CommandLine::Option CommandLine::number(const char* names, std::uint32_t& value,
                                        const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value, &value, [](void* to, const Values& v) {
    const std::uint64_t wide = parse_number(v.back());
    if (wide > std::numeric_limits<std::uint32_t>::max())
      throw UsageError(fmt::format("'{}' is too large", v.back()));
    *static_cast<std::uint32_t*>(to) = static_cast<std::uint32_t>(wide);
  });
}

CommandLine::Option CommandLine::size(const char* names, std::uint64_t& value,
                                      const char* placeholder, const char* help) {
  return add(names, placeholder, help, Kind::value, &value, [](void* to, const Values& v) {
    *static_cast<std::uint64_t*>(to) = parse_size(v.back());
  });
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
      throw UsageError(fmt::format("{}: an operand is missing", impl_->verb),
                       "usage: " + describe().synopsis());
    const std::size_t count =
        operand.about.repeatable ? words.size() : std::min<std::size_t>(words.size(), 1);
    operand.set(words.first(count));
    words = words.subspan(count);
  }
  if (!words.empty())
    throw UsageError(fmt::format("{}: too many operands", impl_->verb),
                     "usage: " + describe().synopsis());
}

void CommandLine::refuse_unknown(const std::string& name) const {
  std::vector<std::string> known{"--help"};
  for (const OptionDescription& option : describe().options)
    known.insert(known.end(), option.names.begin(), option.names.end());
  // One letter is like every other.
  std::string hint = name.starts_with("--") ? did_you_mean(name, known) : "";
  if (hint.empty()) hint = fmt::format("see 'layerbox {} --help'", impl_->verb);
  throw UsageError(fmt::format("{}: there is no option '{}'", impl_->verb, name), std::move(hint));
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
    split = split_arguments(words, impl.place, shape_of, &unknown);
  } catch (UsageError& error) {
    if (!unknown.empty()) refuse_unknown(unknown);
    error.add_context(impl.verb);
    throw;
  }

  Impl::Uses uses(impl.options.size());
  for (const OptionUse& use : split.options) {
    const Impl::Definition* option = impl.find(use.name);
    if (option == nullptr) return Parsed::help_wanted;
    impl.take(use, *option, uses);
  }
  for (const Impl::Definition& option : impl.options) {
    const std::vector<std::string>& values = uses[impl.index_of(option)];
    if (values.empty()) continue;
    impl.require_alone(option, uses);
    impl.set(option, values);
  }
  take_operands(split.operands);
  return Parsed::done;
}

CommandDescription CommandLine::describe() const {
  CommandDescription about;
  about.verb = impl_->verb;
  about.summary = impl_->summary;
  about.details = impl_->details;
  about.place = impl_->place;
  for (const Impl::ExampleText& example : impl_->examples)
    about.examples.push_back({example.command, example.purpose});
  for (const Impl::Definition& definition : impl_->options) {
    OptionDescription option;
    for (const std::string_view name : {definition.short_name(), definition.long_name()})
      if (!name.empty()) option.names.emplace_back(name);
    option.placeholder = definition.placeholder;
    option.help = definition.help;
    option.group = impl_->groups[definition.group];
    option.choices = impl_->extras_of(definition).choices;
    option.suggestions = impl_->extras_of(definition).suggestions;
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
