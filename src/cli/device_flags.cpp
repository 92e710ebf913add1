#include "cli/device_flags.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "cli/error_report.hpp"
#include "cli/limit_flags.hpp"
#include "cli/mount_text.hpp"
#include "runner/device_nodes.hpp"

namespace layerbox {
namespace {

bool is_access(const std::string& text) {
  if (text.empty() || text.size() > 3) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (std::string_view("rwm").find(text[i]) == std::string_view::npos || text.find(text[i]) != i)
      return false;
  return true;
}

bool has(const std::string& access, char right) {
  return access.find(right) != std::string::npos;
}

// As the owner, or as anybody: inside a user has none of his groups.
void require_rights(const DeviceSpec& device, const struct stat& node, const Identity& identity) {
  if (identity.privilege == Privilege::root) return;
  const mode_t granted = node.st_uid == identity.uid ? node.st_mode >> 6 : node.st_mode;
  const mode_t asked = (has(device.access, 'r') ? 4U : 0U) | (has(device.access, 'w') ? 2U : 0U);
  if ((granted & asked) == asked) return;
  Error error(ErrorKind::permission_denied,
              fmt::format("device '{}': a container of yours may not open it: it belongs to uid "
                          "{}, its mode is {:04o}, and groups do not count inside",
                          printable(device.source), node.st_uid, node.st_mode & 07777));
  error.set_hint("run as root, or make the node yours (chown, or a udev rule)");
  throw error;
}

} // namespace

DeviceSpec parse_device(const std::string& text) {
  return in_mount_flag("--device", text, [&] {
    const std::vector<std::string> parts = split_text(text, ':');
    if (parts.size() > 3 || !parts[0].starts_with('/'))
      throw UsageError("it is no device", "write /dev/NAME[:/dev/NAME-INSIDE[:rwm]]");
    DeviceSpec device;
    device.source = parts[0];
    // The second part is an access when it is not a path, as docker has it.
    const bool has_inside = parts.size() > 1 && parts[1].starts_with('/');
    device.destination = mount_destination(has_inside ? parts[1] : parts[0]);
    const std::size_t next = has_inside ? 2 : 1;
    if (parts.size() > next) device.access = parts[next];
    if (parts.size() > next + 1 || !is_access(device.access))
      throw UsageError(fmt::format("'{}' is no access", parts.back()), "r, w and m, each once");
    return device;
  });
}

void apply_devices(RunSpec& spec, const std::vector<std::string>& flags, const Identity& identity) {
  std::vector<DeviceRule> rules;
  bool refuses = !spec.limits.devices.empty();
  for (const std::string& flag : flags) {
    DeviceSpec device = parse_device(flag);
    const struct stat node = stat_device(device.source);
    require_rights(device, node, identity);
    refuses = refuses || !has(device.access, 'r') || !has(device.access, 'w');
    rules.push_back({.allow = true,
                     .type = S_ISBLK(node.st_mode) ? 'b' : 'c',
                     .major = static_cast<std::uint32_t>(major(node.st_rdev)),
                     .minor = static_cast<std::uint32_t>(minor(node.st_rdev)),
                     .access = device.access});
    spec.devices.push_back(std::move(device));
  }
  if (!refuses || rules.empty()) return;
  if (spec.limits.devices.empty()) spec.limits.devices = usual_devices();
  spec.limits.devices.insert(spec.limits.devices.end(), rules.begin(), rules.end());
}

} // namespace layerbox
