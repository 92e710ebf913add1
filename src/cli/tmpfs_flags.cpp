#include "cli/tmpfs_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/error_report.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

void append(std::string& options, const std::string& option) {
  options += (options.empty() ? "" : ",") + option;
}

std::string octal_mode(const std::string& text) {
  const bool octal =
      !text.empty() && text.size() <= 5 && text.find_first_not_of("01234567") == std::string::npos;
  if (!octal) throw UsageError(fmt::format("'{}' is no octal mode", text));
  return text;
}

// A number of bytes, or a part of this machine's memory: tmpfs(5).
std::string tmpfs_size(const std::string& text) {
  if (!text.ends_with('%')) return std::to_string(parse_size(text));
  const std::uint64_t percent = parse_number(text.substr(0, text.size() - 1));
  if (percent > 100) throw UsageError(fmt::format("'{}' is more than all memory", text));
  return text;
}

void tmpfs_option(MountSpec& mount, const std::string& text) {
  static constexpr std::array<std::string_view, 6> kFlags{"nosuid", "nodev", "noexec",
                                                          "suid",   "dev",   "exec"};
  const MountWord word(text);
  if (text == "ro" || text == "rw")
    mount.read_only = text == "ro";
  else if (std::find(kFlags.begin(), kFlags.end(), text) != kFlags.end())
    append(mount.options, text);
  else if (word.name == "size" && word.value)
    append(mount.options, fmt::format("size={}", tmpfs_size(*word.value)));
  else if (word.name == "mode" && word.value)
    append(mount.options, "mode=" + octal_mode(*word.value));
  else if (word.name == "nr_inodes" && word.value)
    append(mount.options, fmt::format("nr_inodes={}", parse_size(*word.value)));
  else if ((word.name == "uid" || word.name == "gid") && word.value)
    append(mount.options, fmt::format("{}={}", word.name, parse_number(*word.value)));
  else
    throw UsageError(
        fmt::format("tmpfs has no option '{}'", text),
        "ro, rw, size=, mode=, uid=, gid=, nr_inodes=, nosuid, nodev, noexec, suid, dev, exec");
}

} // namespace

void apply_tmpfs_word(MountSpec& mount, const MountWord& word) {
  if (word.name == "tmpfs-size" && word.value)
    tmpfs_option(mount, "size=" + *word.value);
  else if (word.name == "tmpfs-mode" && word.value)
    tmpfs_option(mount, "mode=" + *word.value);
  else
    throw UsageError(fmt::format("a tmpfs mount has no option '{}'", word.name));
}

std::string parse_ephemeral(const std::string& text) {
  if (text.empty()) return "50%";
  try {
    std::string size = tmpfs_size(text);
    if (size == "0" || parse_number(size.substr(0, size.find('%'))) == 0)
      throw UsageError("no room at all is given", "a number of bytes, k, m, g, or N%");
    return size;
  } catch (Error& error) {
    error.add_context("run: --ephemeral");
    throw;
  }
}

MountSpec parse_tmpfs(const std::string& text) {
  return in_mount_flag("--tmpfs", text, [&] {
    MountSpec mount;
    mount.kind = MountKind::tmpfs;
    const std::size_t colon = text.find(':');
    mount.destination = mount_destination(text.substr(0, colon));
    if (colon == std::string::npos || colon + 1 == text.size()) return mount;
    for (const std::string& option : split_text(text.substr(colon + 1), ','))
      tmpfs_option(mount, option);
    return mount;
  });
}

} // namespace layerbox
