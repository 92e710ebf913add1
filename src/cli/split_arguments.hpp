// split_arguments: which words of a command line are options, which are their values, and where the
// operands begin.
//
//     run -it --env A=1 debian ls -l      options -i, -t, --env=A=1     operands debian ls -l
//
// The words are spelled as getopt_long(3) and docker take them: --name VALUE, --name=VALUE, -n
// VALUE, -nVALUE, -n=VALUE, flags joined (-it), a flag with a truth value (--rm=false), "--" before
// operands. It is pure, and knows of an option only whether it takes a value.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

enum class OptionShape : std::uint8_t {
  flag,
  value,
  optional_value, // never the next word: --name or --name=VALUE
};

// Where options may stand: anywhere before "--", or only before the first operand (what follows it
// belongs to somebody else).
enum class OptionPlace : std::uint8_t { anywhere, before_operands };

struct OptionUse {
  std::string name;  // with its dashes, as it was written: "-e", "--env"
  std::string value; // "true" or "false" for a flag; "" for a value that was left out
  friend bool operator==(const OptionUse&, const OptionUse&) = default;
};

struct SplitArguments {
  std::vector<OptionUse> options;
  std::vector<std::string> operands;
};

// `shape_of` answers for a name with its dashes; nothing when there is no such option. Throws
// UsageError for an unknown option, a missing value, a flag with a value that is not a truth value.
// The unknown option's name is left in `unknown` when that is not null.
SplitArguments
split_arguments(std::span<const std::string> words, OptionPlace place,
                const std::function<std::optional<OptionShape>(std::string_view)>& shape_of,
                std::string* unknown = nullptr);

} // namespace layerbox
