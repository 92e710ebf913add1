#include "layers/oci/platform.hpp"

#include <sys/utsname.h>

#include <array>
#include <vector>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

struct MachineName {
  std::string_view machine; // as uname(2) says
  std::string_view architecture;
  std::string_view variant;
};

constexpr std::array<MachineName, 14> kMachines = {{{"x86_64", "amd64", ""},
                                                    {"aarch64", "arm64", ""},
                                                    {"armv8l", "arm", "v7"},
                                                    {"armv7l", "arm", "v7"},
                                                    {"armv6l", "arm", "v6"},
                                                    {"armv5tel", "arm", "v5"},
                                                    {"i686", "386", ""},
                                                    {"i586", "386", ""},
                                                    {"ppc64le", "ppc64le", ""},
                                                    {"s390x", "s390x", ""},
                                                    {"riscv64", "riscv64", ""},
                                                    {"loongarch64", "loong64", ""},
                                                    {"mips64", "mips64le", ""},
                                                    {"ppc64", "ppc64", ""}}};

// `machine` is uname(2)'s name, or Go's, which stays.
Platform of_machine(std::string os, std::string_view machine) {
  for (const MachineName& known : kMachines)
    if (known.machine == machine)
      return {std::move(os), std::string(known.architecture), std::string(known.variant)};
  return {std::move(os), std::string(machine), ""};
}

} // namespace

Platform Platform::parse(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '/')
      parts.emplace_back();
    else
      parts.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  bool good = parts.size() == 2 || parts.size() == 3;
  for (const std::string& part : parts)
    good = good && !part.empty();
  if (!good)
    throw Error(ErrorKind::invalid_argument,
                "platform '" + printable(text) + "' is not OS/ARCH or OS/ARCH/VARIANT")
        .set_hint("for example linux/amd64 or linux/arm/v7");
  if (parts.size() == 2) return of_machine(parts[0], parts[1]);
  return {parts[0], of_machine(parts[0], parts[1]).architecture, parts[2]};
}

Platform Platform::of_this_machine() {
  struct utsname name {};
  if (::uname(&name) != 0) return {"linux", "unknown", ""};
  return of_machine("linux", name.machine);
}

bool Platform::fits(const Platform& other) const {
  const auto same = [](const std::string& a, const std::string& b) {
    return a.empty() || b.empty() || a == b;
  };
  return same(os, other.os) && same(architecture, other.architecture) &&
         same(variant, other.variant);
}

std::string Platform::str() const {
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

} // namespace layerbox
