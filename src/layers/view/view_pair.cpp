#include "layers/view/view_pair.hpp"

#include <fcntl.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "base/fs_at.hpp"
#include "base/walk.hpp"

namespace layerbox {
namespace {

// How many trees two views end in that are the same.
std::size_t common_end(const RootfsView& a, const RootfsView& b) {
  const auto ends =
      std::mismatch(a.trees.rbegin(), a.trees.rend(), b.trees.rbegin(), b.trees.rend(),
                    [](const ViewTree& x, const ViewTree& y) { return x.path == y.path; });
  return static_cast<std::size_t>(ends.first - a.trees.rbegin());
}

} // namespace

ViewPair::ViewPair(const RootfsView& before, const RootfsView& now) : before_(before), now_(now) {
  const std::size_t common = common_end(before, now);
  const auto add = [this](const ViewTree& tree) {
    view_trees_.push_back(&tree);
    trees_.emplace_back(*tree.fd, tree.dialect);
    return trees_.size() - 1;
  };
  for (std::size_t i = 0; i + common < before.trees.size(); ++i)
    before_top_.push_back(add(before.trees[i]));
  for (std::size_t i = 0; i + common < now.trees.size(); ++i)
    now_top_.push_back(add(now.trees[i]));
  for (std::size_t i = now.trees.size() - common; i < now.trees.size(); ++i) {
    before_top_.push_back(add(now.trees[i]));
    now_top_.push_back(before_top_.back());
  }
}

std::vector<NamePair> ViewPair::names_in(const RelPath& path, std::span<const std::size_t> before,
                                         std::span<const std::size_t> now) const {
  std::vector<std::size_t> apart;
  std::set_symmetric_difference(before.begin(), before.end(), now.begin(), now.end(),
                                std::back_inserter(apart));
  std::set<std::string> names;
  for (const std::size_t tree : apart) {
    try {
      for (std::string& name : list_dir(open_beneath(trees_[tree], path, kOpenDir)))
        names.insert(std::move(name));
    } catch (const Error& error) {
      if (!live() || !means_gone(error)) throw;
    }
  }
  const std::vector<std::string> list(names.begin(), names.end());
  std::map<std::string, NamePair> pairs;
  for (MergedEntry& entry : visible(before_, path, before, list))
    pairs[entry.name].before = std::move(entry);
  for (MergedEntry& entry : visible(now_, path, now, list))
    pairs[entry.name].now = std::move(entry);
  std::vector<NamePair> result;
  for (auto& [name, pair] : pairs) {
    pair.name = name;
    result.push_back(std::move(pair));
  }
  return result;
}

std::vector<MergedEntry> ViewPair::visible(const RootfsView& view, const RelPath& path,
                                           std::span<const std::size_t> sources,
                                           std::span<const std::string> names) const {
  std::vector<MergedEntry> entries = merged_entries_named(trees_, path, sources, names);
  std::erase_if(entries, [&](const MergedEntry& entry) {
    return is_left_out(entry.status) || view.hides(path.child(entry.name));
  });
  return entries;
}

} // namespace layerbox
