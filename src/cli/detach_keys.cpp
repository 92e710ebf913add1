#include "cli/detach_keys.hpp"

#include <fmt/format.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

char parse_key(std::string_view word) {
  if (word.size() == 1) return word[0];
  if (word.size() == 6 && word.starts_with("ctrl-")) {
    const char key = word[5];
    constexpr char kControl = 0x1f;
    if ((key >= 'a' && key <= 'z') || key == '@' || (key >= '[' && key <= '_'))
      return static_cast<char>(key & kControl);
  }
  throw UsageError(
      fmt::format("attach: --detach-keys: '{}' is no key", word),
      "keys are single characters and ctrl-a to ctrl-z, ctrl-@, ctrl-[ to ctrl-_, with "
      "commas between");
}

} // namespace

DetachKeys DetachKeys::parse(std::string_view text) {
  DetachKeys keys;
  while (!text.empty()) {
    const std::size_t comma = text.find(',', 1); // a comma may be a key
    keys.keys_.push_back(parse_key(text.substr(0, comma)));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return keys;
}

DetachKeys::Seen DetachKeys::see(std::string_view typed) {
  Seen seen;
  for (const char byte : typed) {
    if (keys_.empty()) {
      seen.pass_on.push_back(byte);
      continue;
    }
    // What was held back and does not go on as the keys do is passed on, up to where they may
    // begin.
    while (matched_ > 0 && byte != keys_[matched_]) {
      std::size_t shorter = matched_ - 1;
      while (shorter > 0 && keys_.compare(0, shorter, keys_, matched_ - shorter, shorter) != 0)
        --shorter;
      seen.pass_on.append(keys_, 0, matched_ - shorter);
      matched_ = shorter;
    }
    if (byte != keys_[matched_]) {
      seen.pass_on.push_back(byte);
    } else if (++matched_ == keys_.size()) {
      seen.complete = true;
      return seen;
    }
  }
  return seen;
}

} // namespace layerbox
