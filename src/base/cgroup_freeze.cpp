#include "base/cgroup_freeze.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxFreezerBytes = 4096;
// A process stands still at once, unless the kernel holds it in a device or a dead network mount.
constexpr std::chrono::seconds kMaxFreezeTime{10};
constexpr std::chrono::milliseconds kLookForStillness{1};

struct Freezer {
  UniqueFd dir;
  bool is_v2 = true;
};

std::optional<Freezer> find_freezer(const std::vector<std::string>& cgroups) {
  for (const std::string& path : cgroups) {
    const UniqueFd top = open_path("/", O_PATH | O_DIRECTORY);
    auto dir = try_open_beneath(top, RelPath::parse(path), kOpenDir);
    if (!dir) continue;
    if (try_stat_at(*dir, "cgroup.freeze")) return Freezer{std::move(*dir), true};
    if (try_stat_at(*dir, "freezer.state")) return Freezer{std::move(*dir), false};
  }
  return std::nullopt;
}

// What is done with a file of a cgroup that is just removed fails in any step, with ENODEV or
// ENOENT: false then. Whatever else is wrong is thrown.
template <typename Use>
bool use_file_of(const Freezer& freezer, const char* name, int flags, Use&& use) {
  try {
    use(open_beneath(freezer.dir, RelPath::parse(name), flags | O_CLOEXEC));
    return true;
  } catch (const Error& error) {
    if (error.error_number() != ENODEV && error.error_number() != ENOENT) throw;
    return false;
  }
}

std::optional<std::string> read_freezer_file(const Freezer& freezer, const char* name) {
  std::string text;
  const bool is_there = use_file_of(freezer, name, O_RDONLY, [&](FdRef file) {
    FdSource source(file, name);
    text = read_all(source, kMaxFreezerBytes, name);
  });
  return is_there ? std::optional(std::move(text)) : std::nullopt;
}

// False when the cgroup is just removed, here and below.
bool set_frozen(const Freezer& freezer, bool frozen) {
  const char* const name = freezer.is_v2 ? "cgroup.freeze" : "freezer.state";
  const std::string_view word = freezer.is_v2 ? (frozen ? "1" : "0") : frozen ? "FROZEN" : "THAWED";
  return use_file_of(freezer, name, O_WRONLY,
                     [&](FdRef file) { write_all(file, std::as_bytes(std::span(word)), name); });
}

bool is_asked_to_freeze(const Freezer& freezer) {
  const auto state = read_freezer_file(freezer, freezer.is_v2 ? "cgroup.freeze" : "freezer.state");
  return state && (freezer.is_v2 ? state->starts_with('1') : !state->starts_with("THAWED"));
}

std::optional<bool> stands_still(const Freezer& freezer) {
  const auto state = read_freezer_file(freezer, freezer.is_v2 ? "cgroup.events" : "freezer.state");
  if (!state) return std::nullopt;
  return freezer.is_v2 ? state->find("frozen 1") != std::string::npos
                       : state->starts_with("FROZEN");
}

} // namespace

bool can_freeze(const std::vector<std::string>& cgroups) {
  return find_freezer(cgroups).has_value();
}

bool is_frozen(const std::vector<std::string>& cgroups) {
  const auto freezer = find_freezer(cgroups);
  return freezer && is_asked_to_freeze(*freezer);
}

void freeze_cgroup(const std::vector<std::string>& cgroups) {
  const auto freezer = find_freezer(cgroups);
  if (!freezer) throw Error(ErrorKind::unsupported, "it has no cgroup that can be frozen");
  const auto give_up = std::chrono::steady_clock::now() + kMaxFreezeTime;
  bool is_there = set_frozen(*freezer, true);
  while (is_there) {
    const std::optional<bool> still = stands_still(*freezer);
    if (still == true) return;
    if (std::chrono::steady_clock::now() > give_up) {
      set_frozen(*freezer, false);
      throw Error(ErrorKind::in_use, "one of its processes does not stop: the kernel holds it");
    }
    is_there = still.has_value();
    std::this_thread::sleep_for(kLookForStillness);
  }
  throw Error(ErrorKind::not_found, "it has just ended");
}

void thaw_cgroup(const std::vector<std::string>& cgroups) {
  if (const auto freezer = find_freezer(cgroups)) set_frozen(*freezer, false);
}

} // namespace layerbox
