// command_line: what a verb accepts. A verb declares its options, operands and examples; parsing,
// --help and the man page all come from this one declaration.
//
//     line.group("Options");
//     line.flag("-a,--all", all_, "show the stopped ones too");
//     line.text("--format", format_, "FORMAT", "table or json").choices({"table", "json"});
//     line.operands("IMAGE", images_, Arity::one_or_more, "a name or an id");
//     line.example("layerbox images", "list all images");
//
// A declaration is cheap, because a start pays for all of its verb: nothing is copied, and an
// option is looked for when a word names it. How words are split is split_arguments' (docker's
// rules).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/split_arguments.hpp"

namespace layerbox {

enum class Arity : std::uint8_t { at_most_one, any_number, one_or_more };

// The declaration as plain data, for those who print it.
struct OptionDescription {
  std::vector<std::string> names; // with dashes, the short one first
  std::string placeholder;        // "" for a flag
  bool value_is_optional = false; // --name or --name=VALUE
  std::string help;
  std::string group;
  std::vector<std::string> choices; // none: any value
  // For shells that complete: "key=value", "key=THING" for the name of one, "key=" for anything.
  std::vector<std::string> suggestions;
  bool repeatable = false;

  bool takes_next_word() const { return !placeholder.empty() && !value_is_optional; }
  std::string value_text() const; // " VALUE", "[=VALUE]", "" for a flag
};
struct OperandDescription {
  std::string name;
  std::string help;
  bool required = false;
  bool repeatable = false;
};
struct Example {
  std::string command;
  std::string purpose;
};
struct CommandDescription {
  std::string verb;
  std::string summary;
  std::string details; // paragraphs, separated by an empty line
  std::vector<OptionDescription> options;
  std::vector<OperandDescription> operands;
  std::vector<Example> examples;
  OptionPlace place = OptionPlace::anywhere;
  std::string synopsis() const; // "layerbox run [OPTION]… IMAGE [COMMAND [ARG…]]"
};

enum class Parsed : std::uint8_t { done, help_wanted };

class CommandLine {
 public:
  CommandLine(std::string verb, std::string summary);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // All texts here are literals, or live as long as this.
  // Options declared from now on stand under this title.
  void group(const char* title);
  void details(const char* text);
  void example(const char* command, const char* purpose);
  void options_end_at_first_operand();

  // `names` is "-s,--long", "--long" or "-s". The last use of an option wins; lists keep all uses.
  // The variables must live until parse() has returned; they keep their value when the option is
  // absent.
  class Option {
   public:
    Option& choices(std::vector<std::string> allowed); // other values are a UsageError
    Option& suggests(std::vector<std::string> values); // see OptionDescription
    Option& excludes(const char* other_long_name);

   private:
    friend class CommandLine;
    Option(CommandLine& line, std::size_t index) : line_(line), index_(index) {}
    CommandLine& line_;
    std::size_t index_;
  };
  Option flag(const char* names, bool& value, const char* help);
  Option text(const char* names, std::string& value, const char* placeholder, const char* help);
  Option text(const char* names, std::optional<std::string>& value, const char* placeholder,
              const char* help);
  // The value, or "" where none is given; nothing when the option is absent.
  Option optional_text(const char* names, std::optional<std::string>& value,
                       const char* placeholder, const char* help);
  Option list(const char* names, std::vector<std::string>& values, const char* placeholder,
              const char* help);
  // A count, or a size that takes k, m, g, t (powers of 1024). Throws UsageError while parsing.
  Option number(const char* names, std::uint64_t& value, const char* placeholder, const char* help);
  Option number(const char* names, std::uint32_t& value, const char* placeholder, const char* help);
  Option size(const char* names, std::uint64_t& value, const char* placeholder, const char* help);

  void operand(const char* name, std::string& value, const char* help);
  void operands(const char* name, std::vector<std::string>& values, Arity arity, const char* help);

  // Reads the words after the verb and sets the variables. Throws UsageError.
  Parsed parse(const std::vector<std::string>& words);
  CommandDescription describe() const;

 private:
  using Setter = void (*)(void* value, const std::vector<std::string>& uses);
  enum class Kind : std::uint8_t { flag, value, optional_value, list };
  Option add(const char* names, const char* placeholder, const char* help, Kind kind, void* value,
             Setter set);
  void take_operands(std::span<const std::string> words) const;
  [[noreturn]] void refuse_unknown(const std::string& name) const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace layerbox
