// rootfs_view: a whole root file system as its trees show it, without a mount: an image, or what a
// container sees.
//
//     image              the trees of its chain
//     overlay container  its upper directory, then the trees of its chain
//     copy container     its own directory, which is a tree that hides nothing
//
// All are trees in overlay dialect, topmost first, and are merged by the rules of
// layers/view/merged_view.hpp. So what reads a view (diff, commit, export, cp) does not know
// backends, and says the same of each.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "layers/tar/true_entries.hpp"
#include "layers/view/merged_view.hpp"

namespace layerbox {

struct ViewTree {
  std::shared_ptr<const UniqueFd> fd;
  std::string path; // relative to the store; two trees are the same when this is
  // What the layer's record knows better; nothing where the tree holds all, or nobody asked.
  std::shared_ptr<const TrueEntries> truth = nullptr;
  Dialect dialect = Dialect::overlay;
};

struct RootfsView {
  std::vector<ViewTree> trees; // topmost first; none: not even a top is there
  // Names that are left out: mount points that were made for the container, in the form of RelPath.
  std::set<std::string> hidden;

  // Somebody is at work in the first tree: what goes away while it is read was not there.
  bool live = false;

  bool hides(const RelPath& path) const { return hidden.contains(path.str()); }
  // Whether something right below `path` is left out.
  bool hides_below(const RelPath& path) const;
};

// What the trees of `chain` show.
RootfsView view_of(LayerTrees chain);
// Whether layers' records are asked for the owners, attributes and devices that trees could not
// hold: who writes a layer or an archive wants them, who looks for differences does without.
enum class Records : std::uint8_t { unread, read };
// The chain of `layers`, bottom first. Throws Error.
RootfsView view_of(const Store& store, std::span<const LayerKey> layers, Records records);
// The same under one tree more.
RootfsView view_under(UniqueFd top, std::string path, const RootfsView& below,
                      Dialect dialect = Dialect::overlay);
// The view's trees, for merged_entries_named().
std::vector<TreeRef> tree_refs(const RootfsView& view);
// 0 … count-1: all trees, as the sources of the top.
std::vector<std::size_t> all_trees(std::size_t count);

// Whether a failure to read something says that it is not there any more, or not what it was.
bool means_gone(const Error& error);

// A socket means nothing without its listener: no layer and no archive has one.
inline bool is_left_out(const struct stat& status) {
  return S_ISSOCK(status.st_mode);
}

} // namespace layerbox
