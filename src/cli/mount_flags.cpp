#include "cli/mount_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "cli/error_report.hpp"
#include "cli/mount_text.hpp"
#include "cli/settings.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

bool is_path(const std::string& source) {
  return source.find('/') != std::string::npos || source == "." || source == "..";
}

std::string volume_name(const std::string& name) {
  if (is_object_name(name)) return name;
  throw UsageError(fmt::format("'{}' is no name for a volume", name),
                   "letters and digits, then also '_', '.' and '-', for a volume; "
                   "a path with a '/' for a directory");
}

std::string bind_source(const std::string& path, const std::string& working_directory) {
  if (path.empty()) throw UsageError("a bind mount needs a source");
  return absolute_path(path, working_directory);
}

void set_source(MountSpec& mount, const std::string& source, const std::string& working_directory) {
  if (mount.volume)
    mount.volume->name = volume_name(source);
  else
    mount.source = bind_source(source, working_directory);
}

// Docker's words. The 'r' of "recursive" makes no difference: with a bind its mounts below come
// along, and a bind without them has none to propagate.
std::optional<Propagation> propagation_word(std::string_view word) {
  if (word == "private" || word == "rprivate") return Propagation::none;
  if (word == "slave" || word == "rslave") return Propagation::from_host;
  if (word == "shared" || word == "rshared") return Propagation::both_ways;
  return std::nullopt;
}

// What bind-recursive= says; whether it fits the other words is known at the end.
void apply_recursion(MountSpec& mount, const std::string& word) {
  mount.recursive = word != "disabled";
  mount.submounts_writable = word == "writable";
  if (word != "enabled" && word != "disabled" && word != "writable" && word != "readonly")
    throw UsageError(fmt::format("'bind-recursive={}' is not known", word),
                     "enabled, disabled, writable (below a read-only mount) or readonly");
}

void bind_word(MountSpec& mount, const MountWord& word) {
  if (word.name == "bind-nonrecursive") {
    mount.recursive = !word.truth();
  } else if (word.name == "bind-recursive") {
    apply_recursion(mount, word.required());
  } else if (word.name == "bind-propagation") {
    const auto propagation = propagation_word(word.required());
    if (!propagation)
      throw UsageError(fmt::format("there is no propagation '{}'", word.required()),
                       "private, rprivate, slave, rslave, shared or rshared");
    mount.propagation = *propagation;
  } else if (word.name == "noidmap") {
    mount.idmap = !word.truth();
  } else if (word.name != "consistency") { // docker's, for machines that are not Linux
    throw UsageError(fmt::format("a bind mount has no option '{}'", word.name));
  }
}

void require_sense(const MountSpec& mount, const std::vector<std::string>& parts) {
  const bool asks = mount.submounts_writable ||
                    std::find(parts.begin(), parts.end(), "bind-recursive=readonly") != parts.end();
  if (asks && !mount.read_only)
    throw UsageError("bind-recursive=writable and readonly are for a read-only mount",
                     "write readonly, too");
}

void volume_word(MountSpec& mount, const MountWord& word) {
  if (word.name == "volume-nocopy")
    mount.volume->copy = !word.truth();
  else
    throw UsageError(fmt::format("a volume has no option '{}' in this version", word.name));
}

// A mount of the kind that "type=…" names; a volume without it, as docker has it.
MountSpec typed_mount(const std::vector<std::string>& parts) {
  MountSpec mount;
  std::string type = "volume";
  for (const std::string& part : parts)
    if (const MountWord word(part); word.name == "type") type = word.value.value_or("");
  if (type == "volume")
    mount.volume = VolumeUse{};
  else if (type == "tmpfs")
    mount.kind = MountKind::tmpfs;
  else if (type != "bind")
    throw UsageError(fmt::format("there is no mount type '{}' in this version", type),
                     "the types are bind, volume and tmpfs");
  return mount;
}

// One word of the third part of -v, for a bind and for a volume. False for one that is none.
bool bind_option(MountSpec& mount, const std::string& word) {
  const auto propagation = propagation_word(word);
  if (word == "bind" || word == "rbind")
    mount.recursive = word == "rbind";
  else if (word == "noidmap")
    mount.idmap = false;
  else if (propagation)
    mount.propagation = *propagation;
  else
    return false;
  return true;
}

bool volume_option(MountSpec& mount, const std::string& word) {
  if (word == "copy" || word == "nocopy") mount.volume->copy = word == "copy";
  return word == "copy" || word == "nocopy";
}

void apply_option(MountSpec& mount, const std::string& word) {
  if (word == "ro" || word == "rw") {
    mount.read_only = word == "ro";
    return;
  }
  if (word == "O") {
    mount.kind = MountKind::overlay;
    return;
  }
  // z and Z relabel for SELinux; the label of a private namespace needs no change here.
  if (word == "z" || word == "Z") return;
  if (mount.volume ? volume_option(mount, word) : bind_option(mount, word)) return;
  if (mount.volume)
    throw UsageError(fmt::format("a named volume has no option '{}'", word),
                     "ro, rw, copy, nocopy, z, Z");
  throw UsageError(fmt::format("a bind has no option '{}' in this version", word),
                   "ro, rw, O, bind, rbind, noidmap, z, Z, [r]private, [r]slave, [r]shared");
}

// An overlay sees its source through a read-only layer: it has no use for a bind's other options.
void require_plain_overlay(const MountSpec& mount) {
  if (mount.kind != MountKind::overlay) return;
  const bool plain = !mount.volume && !mount.read_only && mount.idmap && mount.recursive &&
                     mount.propagation == Propagation::none;
  if (!plain)
    throw UsageError("an overlay ('O') is of a directory, and has no other options",
                     "write -v DIRECTORY:DESTINATION:O");
}

} // namespace

MountSpec parse_volume(const std::string& text, const std::string& working_directory) {
  return in_mount_flag("-v", text, [&] {
    const std::vector<std::string> parts = split_text(text, ':');
    if (parts.size() > 3)
      throw UsageError("a volume has at most three parts",
                       "for names with ':' write --mount type=bind,source=…,target=…");
    MountSpec mount;
    if (parts.size() == 1 || !is_path(parts[0])) mount.volume = VolumeUse{};
    mount.destination = mount_destination(parts[parts.size() == 1 ? 0 : 1]);
    if (parts.size() > 1) set_source(mount, parts[0], working_directory);
    if (parts.size() < 3) return mount;
    for (const std::string& option : split_text(parts[2], ','))
      apply_option(mount, option);
    require_plain_overlay(mount);
    return mount;
  });
}

MountSpec parse_mount(const std::string& text, const std::string& working_directory) {
  return in_mount_flag("--mount", text, [&] {
    const std::vector<std::string> parts = split_text(text, ',');
    MountSpec mount = typed_mount(parts);
    for (const std::string& part : parts) {
      const MountWord word(part);
      if (word.name == "type") continue;
      if (word.name == "target" || word.name == "destination" || word.name == "dst")
        mount.destination = mount_destination(word.value.value_or(""));
      else if (word.name == "readonly" || word.name == "ro")
        mount.read_only = word.truth();
      else if (mount.kind == MountKind::tmpfs)
        apply_tmpfs_word(mount, word);
      else if (word.name == "source" || word.name == "src")
        set_source(mount, word.required(), working_directory);
      else if (mount.volume)
        volume_word(mount, word);
      else
        bind_word(mount, word);
    }
    if (mount.destination.empty()) throw UsageError("a mount needs a target");
    if (mount.kind == MountKind::bind && !mount.volume && mount.source.empty())
      throw UsageError("a bind mount needs a source");
    require_sense(mount, parts);
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
