// message: numbers and texts in one string, from one process of ours to another.
//
//     MessageWriter out;  out.number(7).text("usr/bin");  tell(out.take());
//     MessageReader in(said);  in.number() == 7;  in.text() == "usr/bin";  in.end();
//
// The reader trusts nothing: whoever sent it may have been taken over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace layerbox {

class MessageWriter {
 public:
  MessageWriter& number(std::uint64_t value);
  MessageWriter& text(std::string_view value);
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class MessageReader {
 public:
  // Requires: `bytes` outlives *this.
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}
  // Each throws Error(corrupt) when that is not what comes next.
  std::uint64_t number();
  std::string text();
  void end() const;

 private:
  std::string_view take(std::uint64_t size);
  std::string_view rest_;
};

} // namespace layerbox
