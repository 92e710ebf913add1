#include "cli/split_arguments.hpp"

#include <fmt/format.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

using ShapeOf = std::function<std::optional<OptionShape>(std::string_view)>;

class Splitter {
 public:
  Splitter(std::span<const std::string> words, OptionPlace place, const ShapeOf& shape_of,
           std::string* unknown)
      : words_(words), place_(place), shape_of_(shape_of), unknown_(unknown) {}

  SplitArguments split() {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_++];
      if (word == "--") return take_the_rest();
      if (word.size() < 2 || word[0] != '-') {
        split_.operands.push_back(word);
        if (place_ == OptionPlace::before_operands) return take_the_rest();
      } else if (word[1] == '-') {
        long_option(word);
      } else {
        short_options(word);
      }
    }
    return std::move(split_);
  }

 private:
  SplitArguments take_the_rest() {
    for (; at_ < words_.size(); ++at_)
      split_.operands.push_back(words_[at_]);
    return std::move(split_);
  }

  OptionShape shape(const std::string& name) {
    const std::optional<OptionShape> shape = shape_of_(name);
    if (shape) return *shape;
    if (unknown_ != nullptr) *unknown_ = name;
    throw UsageError(fmt::format("there is no option '{}'", name));
  }

  void long_option(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    add(name, shape(name), std::move(value));
  }

  // "-it", "-eA=1", "-e=A=1": flags, until one takes the rest of the word as its value.
  void short_options(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const std::string name{'-', word[i]};
      const OptionShape kind = shape(name);
      const bool equals = i + 1 < word.size() && word[i + 1] == '=';
      std::optional<std::string> value;
      if (equals)
        value = word.substr(i + 2);
      else if (kind == OptionShape::value && i + 1 < word.size())
        value = word.substr(i + 1);
      const bool last = value.has_value();
      add(name, kind, std::move(value));
      if (last) return;
    }
  }

  void add(const std::string& name, OptionShape kind, std::optional<std::string> value) {
    if (kind == OptionShape::flag) {
      split_.options.push_back({name, truth(name, value.value_or("true"))});
      return;
    }
    if (kind == OptionShape::optional_value && !value) value.emplace();
    if (!value) {
      if (at_ == words_.size()) throw UsageError(fmt::format("option '{}' needs a value", name));
      value = words_[at_++];
    }
    split_.options.push_back({name, std::move(*value)});
  }

  static std::string truth(const std::string& name, const std::string& value) {
    if (value == "true" || value == "1") return "true";
    if (value == "false" || value == "0") return "false";
    throw UsageError(fmt::format("option '{}' takes no value but true or false", name));
  }

  std::span<const std::string> words_;
  OptionPlace place_;
  const ShapeOf& shape_of_;
  std::string* unknown_;
  std::size_t at_ = 0;
  SplitArguments split_;
};

} // namespace

SplitArguments split_arguments(std::span<const std::string> words, OptionPlace place,
                               const ShapeOf& shape_of, std::string* unknown) {
  return Splitter(words, place, shape_of, unknown).split();
}

} // namespace layerbox
