#include "cli/mount_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "cli/error_report.hpp"
#include "cli/settings.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (std::size_t from = 0;;) {
    const std::size_t end = text.find(at, from);
    parts.push_back(text.substr(from, end - from));
    if (end == std::string::npos) return parts;
    from = end + 1;
  }
}

std::string destination(const std::string& path) {
  if (!path.starts_with('/'))
    throw UsageError(fmt::format("the destination '{}' is not an absolute path", path));
  const std::string clean = absolute_path(path, {});
  const std::vector<std::string> parts = split(clean, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end())
    throw UsageError(fmt::format("the destination '{}' has '..' in it", path));
  if (clean == "/") throw UsageError("the destination '/' would hide the root file system");
  return clean;
}

std::string bind_source(const std::string& path, const std::string& working_directory) {
  if (path.empty()) throw UsageError("a bind mount needs a source");
  const bool is_path = path.find('/') != std::string::npos || path == "." || path == "..";
  if (!is_path)
    throw UsageError(fmt::format("'{}' names a volume; this version has no named volumes", path),
                     fmt::format("write './{}' for a directory here", path));
  return absolute_path(path, working_directory);
}

// A word of an option list: the name, and what stands after '='.
struct Word {
  std::string name;
  std::optional<std::string> value;
  explicit Word(const std::string& text) : name(text.substr(0, text.find('='))) {
    if (name.size() < text.size()) value = text.substr(name.size() + 1);
  }
  bool truth() const {
    if (!value || *value == "true" || *value == "1") return true;
    if (*value == "false" || *value == "0") return false;
    throw UsageError(fmt::format("'{}={}' is neither true nor false", name, *value));
  }
};

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
  const Word word(text);
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

void bind_word(MountSpec& mount, const Word& word) {
  if (word.name == "bind-nonrecursive")
    mount.recursive = !word.truth();
  else if (word.name == "noidmap")
    mount.idmap = !word.truth();
  else
    throw UsageError(fmt::format("a bind mount has no option '{}'", word.name));
}

void tmpfs_word(MountSpec& mount, const Word& word) {
  if (word.name == "tmpfs-size" && word.value)
    tmpfs_option(mount, "size=" + *word.value);
  else if (word.name == "tmpfs-mode" && word.value)
    tmpfs_option(mount, "mode=" + *word.value);
  else
    throw UsageError(fmt::format("a tmpfs mount has no option '{}'", word.name));
}

// The kind that "type=…" names.
MountKind kind_of(const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    const Word word(part);
    if (word.name != "type") continue;
    if (word.value == "bind") return MountKind::bind;
    if (word.value == "tmpfs") return MountKind::tmpfs;
    throw UsageError(
        fmt::format("there is no mount type '{}' in this version", word.value.value_or("")),
        "the types are bind and tmpfs");
  }
  throw UsageError("a mount needs a type", "write type=bind,… or type=tmpfs,…");
}

template <typename Body> auto in_flag(const char* flag, const std::string& text, Body&& body) {
  return with_context([&] { return fmt::format("run: {} {}", flag, text); }, body);
}

} // namespace

MountSpec parse_volume(const std::string& text, const std::string& working_directory) {
  return in_flag("-v", text, [&] {
    const std::vector<std::string> parts = split(text, ':');
    if (parts.size() < 2)
      throw UsageError("a volume needs a source and a destination", "write -v SOURCE:DESTINATION");
    if (parts.size() > 3)
      throw UsageError("a volume has at most three parts",
                       "for names with ':' write --mount type=bind,source=…,target=…");
    MountSpec mount;
    mount.source = bind_source(parts[0], working_directory);
    mount.destination = destination(parts[1]);
    if (parts.size() < 3) return mount;
    for (const std::string& option : split(parts[2], ',')) {
      // z and Z relabel for SELinux; the label of a private namespace needs no change here.
      if (option == "ro" || option == "rw")
        mount.read_only = option == "ro";
      else if (option == "noidmap")
        mount.idmap = false;
      else if (option != "z" && option != "Z")
        throw UsageError(fmt::format("a volume has no option '{}' in this version", option),
                         "ro, rw, noidmap, z, Z");
    }
    return mount;
  });
}

MountSpec parse_mount(const std::string& text, const std::string& working_directory) {
  return in_flag("--mount", text, [&] {
    const std::vector<std::string> parts = split(text, ',');
    MountSpec mount;
    mount.kind = kind_of(parts);
    for (const std::string& part : parts) {
      const Word word(part);
      if (word.name == "type") continue;
      if (word.name == "target" || word.name == "destination" || word.name == "dst")
        mount.destination = destination(word.value.value_or(""));
      else if (word.name == "readonly" || word.name == "ro")
        mount.read_only = word.truth();
      else if (mount.kind == MountKind::tmpfs)
        tmpfs_word(mount, word);
      else if (word.name == "source" || word.name == "src")
        mount.source = bind_source(word.value.value_or(""), working_directory);
      else
        bind_word(mount, word);
    }
    if (mount.destination.empty()) throw UsageError("a mount needs a target");
    if (mount.kind == MountKind::bind && mount.source.empty())
      throw UsageError("a bind mount needs a source");
    return mount;
  });
}

MountSpec parse_tmpfs(const std::string& text) {
  return in_flag("--tmpfs", text, [&] {
    MountSpec mount;
    mount.kind = MountKind::tmpfs;
    const std::size_t colon = text.find(':');
    mount.destination = destination(text.substr(0, colon));
    if (colon == std::string::npos || colon + 1 == text.size()) return mount;
    for (const std::string& option : split(text.substr(colon + 1), ','))
      tmpfs_option(mount, option);
    return mount;
  });
}

std::vector<MountSpec> ordered_mounts(std::vector<MountSpec> mounts) {
  for (std::size_t i = 0; i < mounts.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (mounts[i].destination == mounts[j].destination)
        throw UsageError(
            fmt::format("run: two mounts have the destination '{}'", mounts[i].destination));
  const auto depth = [](const MountSpec& mount) {
    return std::count(mount.destination.begin(), mount.destination.end(), '/');
  };
  std::stable_sort(mounts.begin(), mounts.end(),
                   [&](const MountSpec& a, const MountSpec& b) { return depth(a) < depth(b); });
  return mounts;
}

} // namespace layerbox
