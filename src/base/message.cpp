#include "base/message.hpp"

#include <cstring>

#include "base/error.hpp"

namespace layerbox {
namespace {

[[noreturn]] void refuse_message() {
  throw Error(ErrorKind::corrupt, "a message of another process makes no sense");
}

} // namespace

MessageWriter& MessageWriter::number(std::uint64_t value) {
  bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  return *this;
}

MessageWriter& MessageWriter::text(std::string_view value) {
  number(value.size());
  bytes_.append(value);
  return *this;
}

std::string_view MessageReader::take(std::uint64_t size) {
  if (size > rest_.size()) refuse_message();
  const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(size));
  rest_.remove_prefix(taken.size());
  return taken;
}

std::uint64_t MessageReader::number() {
  std::uint64_t value = 0;
  std::memcpy(&value, take(sizeof value).data(), sizeof value);
  return value;
}

std::string MessageReader::text() {
  return std::string(take(number()));
}

void MessageReader::end() const {
  if (!rest_.empty()) refuse_message();
}

} // namespace layerbox
