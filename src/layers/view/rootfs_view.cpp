#include "layers/view/rootfs_view.hpp"

#include <numeric>
#include <utility>

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

RootfsView view_under(UniqueFd top, std::string path, const RootfsView& below) {
  RootfsView view;
  view.trees.push_back({std::make_shared<const UniqueFd>(std::move(top)), std::move(path)});
  view.trees.insert(view.trees.end(), below.trees.begin(), below.trees.end());
  return view;
}

std::vector<FdRef> tree_refs(const RootfsView& view) {
  std::vector<FdRef> refs;
  for (const ViewTree& tree : view.trees)
    refs.emplace_back(*tree.fd);
  return refs;
}

std::vector<std::size_t> all_trees(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

} // namespace layerbox
