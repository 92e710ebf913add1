#include "layers/view/merged_view.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/tree/dir_reader.hpp"
#include "layers/tree/overlay_dialect.hpp"

namespace layerbox {

namespace {

// Where the search for a name stands while the trees are gone through from the top.
struct Found {
  MergedEntry entry;
  bool done = false; // nothing below matters any more
};

// Nothing also when something else than a directory has taken its place.
std::optional<UniqueFd> open_if_there(FdRef tree, const RelPath& path) {
  try {
    return try_open_beneath(tree, path, kOpenDir);
  } catch (const Error& error) {
    if (error.error_number() != ENOTDIR && error.error_number() != ELOOP) throw;
    return std::nullopt;
  }
}

// Adds what one tree says about a name of the directory `dir`.
void look_at(Found& found, FdRef dir, std::size_t tree, Dialect dialect,
             const struct stat& status) {
  const bool is_directory = S_ISDIR(status.st_mode);
  if (!found.entry.trees.empty() && !is_directory) {
    found.done = true; // a directory above ends at anything that is none, a whiteout included
    return;
  }
  if (is_whiteout_node(status)) {
    found.done = true;
    return;
  }
  if (found.entry.trees.empty()) found.entry.status = status;
  found.entry.trees.push_back(tree);
  if (!is_directory) {
    found.done = true;
    return;
  }
  const RelPath name = RelPath::parse(found.entry.name);
  const auto opened = open_if_there(dir, name);
  found.done = !opened || is_opaque_dir(*opened, dialect);
}

std::vector<MergedEntry> entries_of(std::map<std::string, Found>& names) {
  std::vector<MergedEntry> entries;
  for (auto& [name, found] : names) {
    if (!found.entry.trees.empty()) entries.push_back(std::move(found.entry));
  }
  return entries;
}

} // namespace

bool is_host_xattr(std::string_view name) {
  return is_overlay_xattr(name) || name == "security.selinux";
}

XattrMap image_xattrs(FdRef dir, const char* name) {
  XattrMap all = read_xattrs(dir, name);
  std::erase_if(all, [](const auto& attribute) { return is_host_xattr(attribute.first); });
  return all;
}

LayerTrees open_layer_trees(const Store& store, std::span<const LayerKey> layers) {
  LayerTrees trees;
  std::set<LayerKey> seen;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (!seen.insert(*layer).second) continue;
    std::string path = layout::layer_tree(*layer);
    auto fd = try_open_beneath(store.root(), RelPath::parse(path), kOpenDir);
    if (!fd) {
      throw Error(ErrorKind::not_found, fmt::format("layer {} is not in the store", layer->str()))
          .set_hint("pull-tar of the image brings it back");
    }
    const bool hides_the_rest = is_opaque_dir(*fd);
    trees.fds.push_back(std::move(*fd));
    trees.paths.push_back(std::move(path));
    if (hides_the_rest) break;
  }
  return trees;
}

std::vector<MergedEntry> merged_entries(std::span<const TreeRef> trees, const RelPath& path,
                                        std::span<const std::size_t> sources) {
  std::map<std::string, Found> names;
  for (const std::size_t tree : sources) {
    const UniqueFd dir = open_beneath(trees[tree], path, kOpenDir);
    for (std::string& name : list_dir(dir)) {
      if (is_note_name(name, trees[tree].dialect)) continue;
      Found& found = names[name];
      if (found.done) continue;
      const auto status = try_stat_at(dir, name.c_str());
      if (!status) {
        throw Error(ErrorKind::corrupt,
                    fmt::format("'{}' went away while its layer was read", printable(name)));
      }
      found.entry.name = std::move(name);
      look_at(found, dir, tree, trees[tree].dialect, *status);
    }
  }
  return entries_of(names);
}

std::vector<MergedEntry> merged_entries_named(std::span<const TreeRef> trees, const RelPath& path,
                                              std::span<const std::size_t> sources,
                                              std::span<const std::string> names) {
  std::map<std::string, Found> wanted;
  for (const std::string& name : names)
    wanted[name].entry.name = name;
  for (const std::size_t tree : sources) {
    const auto dir = open_if_there(trees[tree], path);
    if (!dir) continue;
    for (auto& [name, found] : wanted) {
      if (found.done || is_note_name(name, trees[tree].dialect)) continue;
      if (const auto status = try_stat_at(*dir, name.c_str()))
        look_at(found, *dir, tree, trees[tree].dialect, *status);
    }
  }
  return entries_of(wanted);
}

} // namespace layerbox
