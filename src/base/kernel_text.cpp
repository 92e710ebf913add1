#include "base/kernel_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/unique_fd.hpp"

namespace layerbox {

std::optional<std::string> kernel_line(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return std::nullopt;
  std::array<char, 256> buffer{};
  ssize_t size = 0;
  do
    size = ::read(fd.get(), buffer.data(), buffer.size());
  while (size < 0 && errno == EINTR);
  if (size < 0) return std::nullopt;
  std::string text(buffer.data(), static_cast<std::size_t>(size));
  text.resize(std::min(text.find('\n'), text.size()));
  if (!text.empty() && text.back() == '\0') text.pop_back(); // of /proc/PID/attr
  return text;
}

std::optional<std::uint64_t> kernel_number(const std::string& path) {
  const std::optional<std::string> line = kernel_line(path);
  std::uint64_t value = 0;
  if (!line) return std::nullopt;
  const auto [stop, error] = std::from_chars(line->data(), line->data() + line->size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

} // namespace layerbox
