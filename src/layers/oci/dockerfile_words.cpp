#include "layers/oci/dockerfile_words.hpp"

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_name_char(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

[[noreturn]] void refuse_words(const std::string& why) {
  throw Error(ErrorKind::invalid_argument, why);
}

class Expander {
 public:
  Expander(std::string_view word, const VariableOf& variable) : word_(word), variable_(variable) {}

  std::string whole() { return until('\0'); }

 private:
  bool ended() const { return at_ == word_.size(); }

  // Up to `end` outside of quotes, which is passed over; '\0' is the end of the word.
  std::string until(char end) {
    std::string text;
    while (!ended()) {
      const char c = word_[at_++];
      if (end != '\0' && c == end) return text;
      if (c == '\'')
        single_quoted(text);
      else if (c == '"')
        double_quoted(text);
      else if (c == '$')
        text += variable();
      else if (c == '\\' && !ended())
        text += word_[at_++];
      else
        text += c;
    }
    if (end != '\0') refuse_words(std::string("'${' without its '") + end + "'");
    return text;
  }

  void single_quoted(std::string& text) {
    const std::size_t end = word_.find('\'', at_);
    if (end == std::string_view::npos) refuse_words("a single quote without its partner");
    text += word_.substr(at_, end - at_);
    at_ = end + 1;
  }

  void double_quoted(std::string& text) {
    while (!ended()) {
      const char c = word_[at_++];
      if (c == '"') return;
      if (c == '$') {
        text += variable();
        continue;
      }
      const bool escapes =
          c == '\\' && !ended() && (word_[at_] == '"' || word_[at_] == '$' || word_[at_] == '\\');
      text += escapes ? word_[at_++] : c;
    }
    refuse_words("a double quote without its partner");
  }

  std::string_view name() {
    const std::size_t begin = at_;
    while (!ended() && is_name_char(word_[at_], at_ == begin))
      ++at_;
    return word_.substr(begin, at_ - begin);
  }

  std::string variable() {
    if (!ended() && word_[at_] == '{') return braced();
    const std::string_view key = name();
    if (key.empty()) return "$"; // as it stands
    const std::string* value = variable_(key);
    return value == nullptr ? "" : *value;
  }

  // ${NAME}, and - or + behind it, with a ':' that takes an empty value for none.
  std::string braced() {
    ++at_;
    const std::string_view key = name();
    if (key.empty() || ended()) refuse_words("'${' without a name and a '}'");
    const std::string* value = variable_(key);
    if (word_[at_] == '}') {
      ++at_;
      return value == nullptr ? "" : *value;
    }
    const bool empty_is_none = word_[at_] == ':';
    if (empty_is_none) ++at_;
    const char what = ended() ? '\0' : word_[at_++];
    if (what != '-' && what != '+')
      refuse_words("'${" + printable(key) + "' is followed by something else than '}', '-' or '+'");
    const std::string other = until('}');
    const bool is_set = value != nullptr && !(empty_is_none && value->empty());
    if (what == '+') return is_set ? other : "";
    return is_set ? *value : other;
  }

  std::string_view word_;
  const VariableOf& variable_;
  std::size_t at_ = 0;
};

} // namespace

std::vector<std::string> dockerfile_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == '\0' && is_space(c)) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
      continue;
    }
    word += c;
    if (c == '\\' && quote != '\'' && at + 1 < text.size())
      word += text[++at];
    else if (quote != '\0' ? c == quote : c == '\'' || c == '"')
      quote = quote == '\0' ? c : '\0';
  }
  if (quote != '\0') refuse_words("a quote without its partner");
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string expand_dockerfile_word(std::string_view word, const VariableOf& variable) {
  return Expander(word, variable).whole();
}

} // namespace layerbox
