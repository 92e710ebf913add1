// attach_frames: what goes between the layerbox that watches a detached container and one that
// shows it in a terminal, over a local socket: frames of a kind, a length, and that many bytes.
//
//     watcher  ──► out, error: what the command wrote
//     attached ──► input: bytes for the command; input_ended; size: rows, columns
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace layerbox {

enum class FrameKind : std::uint8_t { out = 1, error, input, input_ended, size };

inline constexpr std::size_t kMaxFrameBytes = std::size_t{64} << 10;

// Longer texts become several frames.
std::string frames_of(FrameKind kind, std::string_view bytes);
std::string size_frame(std::uint16_t rows, std::uint16_t columns);

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};
// Of the bytes of a size frame; 0×0 when they are none.
WindowSize parse_window_size(std::string_view bytes);

// Puts frames together again from whatever pieces they come in.
class FrameReader {
 public:
  // Calls `each` for every frame that is whole by now. False when what came is no frame.
  bool take(std::string_view piece,
            const std::function<void(FrameKind, std::string_view bytes)>& each);

 private:
  std::string rest_;
};

} // namespace layerbox
