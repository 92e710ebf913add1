#include "store/container_mounts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <set>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "store/container_state.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kSource = "layerbox:";
constexpr std::size_t kMaxMarkBytes = 256;

// "" when it may not be asked, or has just ended.
std::string link_of(const std::string& path) {
  std::array<char, 64> text{};
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

// "" when it may not be asked, or has just ended.
std::string mount_table_of(const std::string& process) {
  try {
    return read_mount_table(process);
  } catch (const Error& error) {
    const int why = error.error_number();
    if (why == ENOENT || why == ESRCH || why == EINVAL || why == EACCES || why == EPERM) return {};
    throw;
  }
}

std::vector<std::string> processes() {
  std::vector<std::string> numbers{"self"}; // first: its places are the caller's
  for (std::string& name : list_dir(open_path("/proc", kOpenDir)))
    if (name.find_first_not_of("0123456789") == std::string::npos)
      numbers.push_back(std::move(name));
  return numbers;
}

std::string mark_text(MountMark mark) {
  return fmt::format("{} {}\n", mark == MountMark::image ? "image" : "container",
                     link_of("/proc/self/ns/pid"));
}

std::optional<std::string> read_mark(FdRef dir) {
  try {
    return read_small_file(dir, RelPath::parse(layout::kMounted), kMaxMarkBytes);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    throw;
  }
}

} // namespace

std::string mount_source(std::string_view container_id) {
  return std::string(kSource).append(container_id);
}

std::optional<std::string> mounted_container(const MountEntry& mount) {
  const std::string source = unescape_mount_field(mount.source);
  const std::string root = unescape_mount_field(mount.root);
  std::string id;
  if (source.starts_with(kSource)) {
    id = source.substr(kSource.size());
  } else {
    constexpr std::size_t kIdDigits = 64;
    const std::string begin = std::string("/") + layout::kContainers + "/";
    for (const char* name : {layout::kRootfs, layout::kEmpty}) {
      const std::string end = std::string("/") + name;
      if (!root.ends_with(end)) continue;
      const std::string before = root.substr(0, root.size() - end.size());
      if (before.size() < kIdDigits) continue;
      const std::string_view head = std::string_view(before).substr(0, before.size() - kIdDigits);
      if (head.ends_with(begin)) id = before.substr(before.size() - kIdDigits);
    }
  }
  if (!is_container_id(id)) return std::nullopt;
  return id;
}

std::vector<std::string> places_of_mounts(std::string_view container_id) {
  std::vector<std::string> places;
  std::set<std::string> seen;
  for (const std::string& process : processes()) {
    const std::string ns = link_of("/proc/" + process + "/ns/mnt");
    if (!ns.empty() && !seen.insert(ns).second) continue;
    const std::string table = mount_table_of(process);
    for (const MountEntry& mount : parse_mount_table(table)) {
      if (mount.point == "/" || mounted_container(mount) != container_id) continue;
      std::string place = unescape_mount_field(mount.point);
      if (std::find(places.begin(), places.end(), place) == places.end())
        places.push_back(std::move(place));
    }
  }
  return places;
}

void mark_mounted(FdRef dir, MountMark mark) {
  unlink_at(dir, layout::kMounted);
  write_new_file(dir, layout::kMounted, mark_text(mark), 0600);
}

std::optional<MountMark> mark_of_mount(FdRef dir) {
  const auto text = read_mark(dir);
  if (!text) return std::nullopt;
  return text->starts_with("image ") ? MountMark::image : MountMark::container;
}

void require_not_mounted(FdRef dir, std::string_view container_id) {
  if (!try_stat_at(dir, layout::kMounted)) return;
  const std::vector<std::string> places = places_of_mounts(container_id);
  if (places.empty()) {
    if (mark_of_mount(dir) == MountMark::container) unlink_at(dir, layout::kMounted);
    return;
  }
  throw Error(ErrorKind::in_use, "it is mounted at '" + printable(places.front()) + "'")
      .set_hint("'layerbox umount " + printable(places.front()) + "' ends that");
}

void require_not_mounted(const Store& store, std::string_view container_id) {
  const RelPath home = RelPath::parse(layout::container_dir(container_id));
  if (const auto dir = try_open_beneath(store.root(), home, kOpenDir))
    require_not_mounted(*dir, container_id);
}

bool is_mounted(FdRef dir, std::string_view container_id) {
  return try_stat_at(dir, layout::kMounted) && !places_of_mounts(container_id).empty();
}

bool is_left_by_a_mount(FdRef dir, std::string_view container_id) noexcept {
  try {
    const auto text = read_mark(dir);
    return text && *text == mark_text(MountMark::image) && places_of_mounts(container_id).empty();
  } catch (const std::exception&) {
    return false;
  }
}

} // namespace layerbox
