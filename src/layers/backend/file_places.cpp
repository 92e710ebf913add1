#include "layers/backend/file_places.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <vector>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/copy_tree.hpp"
#include "layers/tree/metadata_writer.hpp"
#include "layers/view/merged_view.hpp"
#include "layers/view/view_path.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMostTrees = 4; // to look into more takes as long as it gains

// The names of `paths` by the directory that they are in, where that is right below "/".
std::map<std::string, std::vector<std::string>> by_directory(std::span<const std::string> paths) {
  std::map<std::string, std::vector<std::string>> names;
  for (const std::string& path : paths) {
    const RelPath place = RelPath::parse(std::string_view(path).substr(1));
    const RelPath parent = place.parent();
    if (!parent.is_top() && parent.parent().is_top())
      names[parent.str()].emplace_back(place.filename());
  }
  return names;
}

void make_empty_file(FdRef dir, const std::string& name) {
  const UniqueFd file(
      ::openat(dir.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file) throw_errno(errno, "make the place of '" + printable(name) + "'");
}

// In a top that looks as if nothing had been made in it.
void make_in(FdRef upper, const TimeStamp& mtime, const std::string& name, FdRef image,
             const std::vector<std::string>& files) {
  const UniqueFd dir = make_or_open_dir_at(upper, name.c_str(), 0755);
  for (const std::string& file : files)
    make_empty_file(dir, file);
  copy_directory_metadata(image, dir);
  set_times(upper, mtime, RelPath());
}

// What is to be made of `paths` over `image`. May be done again when it has failed half-way.
void make_missing(const RootfsView& image, FdRef home, const TimeStamp& mtime,
                  std::span<const std::string> paths) {
  const std::vector<TreeRef> trees = tree_refs(image);
  for (auto& [directory, names] : by_directory(paths)) {
    const RelPath path = RelPath::parse(directory);
    const auto way = look_in_view(image, path);
    if (!way || !S_ISDIR(way->entry.status.st_mode)) continue;
    for (const MergedEntry& there : merged_entries_named(trees, path, way->entry.trees, names))
      std::erase(names, there.name);
    if (names.empty()) continue;
    make_in(open_beneath(home, RelPath::parse(layout::kUpper), kOpenDir), mtime, directory,
            open_beneath(trees[way->entry.trees.front()], path, kOpenDir), names);
  }
}

} // namespace

void make_file_places(const Store& store, std::span<const LayerKey> layers, const MountPlan& rootfs,
                      FdRef home, std::span<const std::string> paths) {
  if (rootfs.kind != RootfsKind::overlay || rootfs.upper.empty() || !rootfs.memory.empty() ||
      rootfs.lower.size() > kMostTrees)
    return;
  const auto upper = try_stat_at(home, layout::kUpper);
  if (!upper) throw_errno(ENOENT, "look at the container's 'upper'");
  const TimeStamp mtime{upper->st_mtim.tv_sec, static_cast<std::uint32_t>(upper->st_mtim.tv_nsec)};
  const RootfsView image = view_of(open_layer_trees(store, layers));
  as_store_owner_when_refused(store.identity(), [&] { make_missing(image, home, mtime, paths); });
}

} // namespace layerbox
