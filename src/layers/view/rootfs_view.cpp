#include "layers/view/rootfs_view.hpp"

#include <fcntl.h>

#include <cerrno>
#include <numeric>
#include <utility>

#include "base/fs_at.hpp"
#include "layers/tar/layer_descriptor.hpp"
#include "store/layout.hpp"

namespace layerbox {

bool RootfsView::hides_below(const RelPath& path) const {
  const std::string beginning = path.is_top() ? "" : path.str() + '/';
  for (auto name = hidden.lower_bound(beginning); name != hidden.end(); ++name) {
    if (!name->starts_with(beginning)) return false;
    if (name->find('/', beginning.size()) == std::string::npos) return true;
  }
  return false;
}

RootfsView view_of(LayerTrees chain) {
  RootfsView view;
  for (std::size_t i = 0; i < chain.fds.size(); ++i)
    view.trees.push_back(
        {std::make_shared<const UniqueFd>(std::move(chain.fds[i])), std::move(chain.paths[i])});
  return view;
}

RootfsView view_of(const Store& store, std::span<const LayerKey> layers, Records records) {
  RootfsView view = view_of(open_layer_trees(store, layers));
  if (records == Records::unread) return view;
  for (const LayerKey& key : layers) {
    const UniqueFd dir =
        open_beneath(store.root(), RelPath::parse(layout::layer_dir(key)), kOpenDir);
    const Unheld unheld = read_descriptor(dir).unheld;
    if (unheld.devices == 0 && unheld.owners == 0 && unheld.xattrs == 0) continue;
    const UniqueFd record =
        open_beneath(dir, RelPath::parse(layout::kRecord), O_RDONLY | O_CLOEXEC);
    for (ViewTree& tree : view.trees)
      if (tree.path == layout::layer_tree(key) && !tree.truth)
        tree.truth = std::make_shared<const TrueEntries>(TrueEntries::read(record, *tree.fd));
  }
  return view;
}

RootfsView view_under(UniqueFd top, std::string path, const RootfsView& below, Dialect dialect) {
  RootfsView view;
  view.trees.push_back(
      {std::make_shared<const UniqueFd>(std::move(top)), std::move(path), nullptr, dialect});
  view.trees.insert(view.trees.end(), below.trees.begin(), below.trees.end());
  return view;
}

std::vector<TreeRef> tree_refs(const RootfsView& view) {
  std::vector<TreeRef> refs;
  for (const ViewTree& tree : view.trees)
    refs.emplace_back(*tree.fd, tree.dialect);
  return refs;
}

bool means_gone(const Error& error) {
  const int e = error.error_number();
  return e == ENOENT || e == ENOTDIR || e == ELOOP;
}

std::vector<std::size_t> all_trees(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

} // namespace layerbox
