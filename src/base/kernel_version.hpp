// kernel_version: the first two numbers of a kernel's release.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

namespace layerbox {

struct KernelVersion {
  unsigned major = 0;
  unsigned minor = 0;
  friend auto operator<=>(const KernelVersion&, const KernelVersion&) = default;
};

// Takes "6.1" off the beginning of `text`, which is a release of uname(2) ("6.1.0-56-amd64");
// nothing, and nothing taken, where it does not begin so.
std::optional<KernelVersion> take_kernel_version(std::string_view& text);

// Of the kernel that runs; nothing where its release does not begin so.
std::optional<KernelVersion> kernel_version();

} // namespace layerbox
