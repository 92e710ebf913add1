#include "base/cgroup_freeze.hpp"

#include <fcntl.h>

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <thread>

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

// "" when the cgroup is just removed.
std::string read_freezer_file(const Freezer& freezer, const char* name) {
  const auto file = try_open_beneath(freezer.dir, RelPath::parse(name), O_RDONLY | O_CLOEXEC);
  if (!file) return {};
  FdSource source(*file, name);
  return read_all(source, kMaxFreezerBytes, name);
}

void set_frozen(const Freezer& freezer, bool frozen) {
  const char* const name = freezer.is_v2 ? "cgroup.freeze" : "freezer.state";
  const std::string_view word = freezer.is_v2 ? (frozen ? "1" : "0") : frozen ? "FROZEN" : "THAWED";
  const auto file = try_open_beneath(freezer.dir, RelPath::parse(name), O_WRONLY | O_CLOEXEC);
  if (file) write_all(*file, std::as_bytes(std::span(word)), name);
}

bool is_asked_to_freeze(const Freezer& freezer) {
  if (freezer.is_v2) return read_freezer_file(freezer, "cgroup.freeze").starts_with('1');
  return !read_freezer_file(freezer, "freezer.state").starts_with("THAWED");
}

bool stands_still(const Freezer& freezer) {
  if (!freezer.is_v2) return read_freezer_file(freezer, "freezer.state").starts_with("FROZEN");
  return read_freezer_file(freezer, "cgroup.events").find("frozen 1") != std::string::npos;
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
  set_frozen(*freezer, true);
  while (!stands_still(*freezer)) {
    if (std::chrono::steady_clock::now() > give_up) {
      set_frozen(*freezer, false);
      throw Error(ErrorKind::in_use, "one of its processes does not stop: the kernel holds it");
    }
    std::this_thread::sleep_for(kLookForStillness);
  }
}

void thaw_cgroup(const std::vector<std::string>& cgroups) {
  if (const auto freezer = find_freezer(cgroups)) set_frozen(*freezer, false);
}

} // namespace layerbox
