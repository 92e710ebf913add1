#include "cli/browse_keys.hpp"

#include <array>
#include <optional>
#include <utility>

namespace layerbox {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::size_t kMaxSequenceBytes = 16;

// What stands between "ESC [" or "ESC O" and the end of the sequence, the end included.
constexpr std::array<std::pair<std::string_view, Key>, 12> kSequences = {{{"A", Key::up},
                                                                          {"B", Key::down},
                                                                          {"C", Key::right},
                                                                          {"D", Key::left},
                                                                          {"H", Key::home},
                                                                          {"F", Key::end},
                                                                          {"1~", Key::home},
                                                                          {"7~", Key::home},
                                                                          {"4~", Key::end},
                                                                          {"8~", Key::end},
                                                                          {"5~", Key::page_up},
                                                                          {"6~", Key::page_down}}};

bool is_final(char c) {
  return c >= 0x40 && c <= 0x7e;
}

// One that nobody knows is no key at all, rather than the letters in it.
std::optional<Key> key_of_sequence(std::string_view rest) {
  for (const auto& [text, key] : kSequences)
    if (text == rest) return key;
  return std::nullopt;
}

std::optional<KeyPress> key_of_byte(char c) {
  switch (c) {
  case '\r':
  case '\n':
    return KeyPress{Key::enter};
  case '\x03':
    return KeyPress{Key::interrupt};
  case '\x1a':
    return KeyPress{Key::suspend};
  case '\x08':
  case '\x7f':
    return KeyPress{Key::backspace};
  default:
    if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
    return KeyPress{Key::byte, c};
  }
}

} // namespace

std::vector<KeyPress> KeyReader::take(std::string_view bytes) {
  std::vector<KeyPress> keys;
  for (const char c : bytes) {
    if (begun_.empty()) {
      if (c == kEscape)
        begun_ = c;
      else if (const auto key = key_of_byte(c))
        keys.push_back(*key);
      continue;
    }
    if (begun_.size() == 1 && c != '[' && c != 'O') { // the escape key, then another
      keys.push_back({Key::escape});
      begun_.clear();
      const std::vector<KeyPress> rest = take({&c, 1});
      keys.insert(keys.end(), rest.begin(), rest.end());
      continue;
    }
    begun_ += c;
    const bool is_whole = begun_.size() > 2 && is_final(c);
    if (!is_whole && begun_.size() < kMaxSequenceBytes) continue;
    if (const auto key = key_of_sequence(std::string_view(begun_).substr(2)))
      keys.push_back({*key});
    begun_.clear();
  }
  return keys;
}

std::vector<KeyPress> KeyReader::give_up_waiting() {
  const bool was_key = begun_.size() == 1;
  begun_.clear();
  return was_key ? std::vector<KeyPress>{{Key::escape}} : std::vector<KeyPress>();
}

} // namespace layerbox
