#include "base/kernel_version.hpp"

#include <sys/utsname.h>

#include <charconv>

namespace layerbox {

std::optional<KernelVersion> take_kernel_version(std::string_view& text) {
  KernelVersion version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(minor.ptr - text.data()));
  return version;
}

std::optional<KernelVersion> kernel_version() {
  struct utsname system {};
  if (::uname(&system) != 0) return std::nullopt;
  std::string_view release = system.release;
  return take_kernel_version(release);
}

} // namespace layerbox
