#include "cli/attach_frames.hpp"

#include <algorithm>
#include <cstring>

namespace layerbox {
namespace {

constexpr std::size_t kFrameHeadBytes = 1 + sizeof(std::uint32_t);

void append_frame(std::string& text, FrameKind kind, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  text.push_back(static_cast<char>(kind));
  text.append(reinterpret_cast<const char*>(&size), sizeof size); // both ends are one machine
  text.append(bytes);
}

} // namespace

std::string frames_of(FrameKind kind, std::string_view bytes) {
  std::string text;
  do {
    const std::string_view part = bytes.substr(0, kMaxFrameBytes);
    append_frame(text, kind, part);
    bytes.remove_prefix(part.size());
  } while (!bytes.empty());
  return text;
}

std::string size_frame(std::uint16_t rows, std::uint16_t columns) {
  const std::uint16_t numbers[2] = {rows, columns};
  return frames_of(FrameKind::size, {reinterpret_cast<const char*>(numbers), sizeof numbers});
}

WindowSize parse_window_size(std::string_view bytes) {
  std::uint16_t numbers[2] = {0, 0};
  if (bytes.size() == sizeof numbers) std::memcpy(numbers, bytes.data(), sizeof numbers);
  return {numbers[0], numbers[1]};
}

bool FrameReader::take(std::string_view piece,
                       const std::function<void(FrameKind, std::string_view)>& each) {
  rest_.append(piece);
  std::size_t at = 0;
  while (rest_.size() - at >= kFrameHeadBytes) {
    const auto kind = static_cast<std::uint8_t>(rest_[at]);
    std::uint32_t size = 0;
    std::memcpy(&size, rest_.data() + at + 1, sizeof size);
    if (kind < 1 || kind > static_cast<std::uint8_t>(FrameKind::size) || size > kMaxFrameBytes)
      return false;
    if (rest_.size() - at - kFrameHeadBytes < size) break;
    each(static_cast<FrameKind>(kind), std::string_view(rest_).substr(at + kFrameHeadBytes, size));
    at += kFrameHeadBytes + size;
  }
  rest_.erase(0, at);
  return true;
}

} // namespace layerbox
