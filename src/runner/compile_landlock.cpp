// The Landlock part of a plan: the rules, and what a kernel must know to hold them. What it cannot
// hold is refused, never left out.
#include <fmt/format.h>

#include <cstring>

#include "base/error.hpp"
#include "base/landlock_abi.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

struct Right {
  std::uint8_t access;
  std::uint64_t files;
};

constexpr Right kRights[] = {
    {kLandlockRead, kLandlockFsReadFile | kLandlockFsReadDir},
    {kLandlockExecute, kLandlockFsExecute},
    {kLandlockWrite, kLandlockFsWriteFile | kLandlockFsTruncate | kLandlockFsRemoveDir |
                         kLandlockFsRemoveFile | kLandlockFsMakeChar | kLandlockFsMakeDir |
                         kLandlockFsMakeReg | kLandlockFsMakeSock | kLandlockFsMakeFifo |
                         kLandlockFsMakeBlock | kLandlockFsMakeSym | kLandlockFsRefer |
                         kLandlockFsIoctlDev}};
constexpr std::uint8_t kEverything = kLandlockRead | kLandlockWrite | kLandlockExecute;

// In the kernel's words, as far as version `version` of it has them.
std::uint64_t files_of(std::uint8_t access, int version) {
  std::uint64_t files = 0;
  for (const Right& right : kRights)
    if ((access & right.access) != 0) files |= right.files;
  if (version < kLandlockDeviceVersion) files &= ~kLandlockFsIoctlDev;
  return files;
}

void require_version(const LandlockFact& fact, int version, const char* linux,
                     std::string_view what) {
  if (fact.version >= version) return;
  const std::string why = fact.version > 0
                              ? fmt::format("{} need version {} of Landlock (Linux {}), and this "
                                            "kernel has {}",
                                            what, version, linux, fact.version)
                              : fmt::format("{}: {}", what, fact.reason);
  Error error(ErrorKind::unsupported, why);
  error.set_hint(fact.is_off ? "put landlock into the kernel's boot parameter 'lsm='; which are on "
                               "is in /sys/kernel/security/lsm"
                             : "without '--security-opt landlock=…' the container's other walls "
                               "stand");
  throw error;
}

void require_held(const RunSpec& spec, const LandlockFact& fact) {
  const LandlockSpec& wanted = spec.landlock;
  if (!wanted.paths.empty())
    require_version(fact, kLandlockFileVersion, "6.2", "Landlock's rules for files");
  // A container's own devices answer to nobody but it; those of the host are another matter.
  if (!wanted.paths.empty() && (!spec.devices.empty() || spec.host_devices))
    require_version(fact, kLandlockDeviceVersion, "6.10",
                    "Landlock's rules for files, with devices of the host inside,");
  if (wanted.holds_tcp())
    require_version(fact, kLandlockTcpVersion, "6.7", "Landlock's rules for TCP ports");
  if (wanted.scoped)
    require_version(fact, kLandlockScopeVersion, "6.12",
                    "Landlock's scopes for signals and abstract sockets");
}

template <typename T> std::string bytes_of(const T& value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

void add_ports(Plan& plan, const std::vector<std::uint16_t>& ports, std::uint64_t access,
               std::string_view word) {
  for (const std::uint16_t port : ports)
    plan.steps.push_back({.act = Act::landlock_port,
                          .source = fmt::format("{}:{}", word, port),
                          .data = bytes_of(LandlockPort{access, port})});
}

} // namespace

void add_landlock(Plan& plan, const RunSpec& spec, const HostFacts& facts) {
  const LandlockSpec& wanted = spec.landlock;
  if (!wanted.any()) return;
  require_held(spec, facts.landlock);
  require_at_most(wanted.paths.size() + wanted.connect_ports.size() + wanted.bind_ports.size(),
                  kMaxLandlockRules, "Landlock rules");
  const int version = facts.landlock.version;
  LandlockRuleset held;
  if (!wanted.paths.empty()) held.files = files_of(kEverything, version);
  if (!wanted.connect_ports.empty()) held.tcp |= kLandlockConnectTcp;
  if (!wanted.bind_ports.empty()) held.tcp |= kLandlockBindTcp;
  if (wanted.scoped) held.scopes = kLandlockScopeAbstractSocket | kLandlockScopeSignal;
  plan.steps.push_back({.act = Act::landlock_rules, .data = bytes_of(held)});
  for (const LandlockPath& rule : wanted.paths) {
    const std::string path = clean_absolute_path(rule.path, "the path of a Landlock rule");
    plan.steps.push_back({.act = Act::landlock_path,
                          .mount_flags = files_of(rule.access, version),
                          .target = path.substr(1),
                          .source = landlock_access_text(rule.access)});
  }
  add_ports(plan, wanted.connect_ports, kLandlockConnectTcp, "connect");
  add_ports(plan, wanted.bind_ports, kLandlockBindTcp, "bind");
  plan.steps.push_back({.act = Act::landlock});
}

} // namespace layerbox
