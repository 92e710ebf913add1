// view_pair: two views side by side, one directory at a time, without reading what both have in
// common.
//
// The trees of both get numbers, topmost first on each side; trees that both views end in have the
// same number. Where the same numbers make up a directory on both sides, it is the same directory;
// else only a tree that is part of one side alone can name something that differs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "layers/view/rootfs_view.hpp"

namespace layerbox {

// A name, and what it is in both views; `trees` are numbers of the pair.
struct NamePair {
  std::string name;
  std::optional<MergedEntry> before, now;
};

class ViewPair {
 public:
  // The views outlive *this.
  ViewPair(const RootfsView& before, const RootfsView& now);

  FdRef tree(std::size_t number) const { return trees_[number]; }
  const ViewTree& view_tree(std::size_t number) const { return *view_trees_[number]; }
  const std::vector<std::size_t>& before_top() const { return before_top_; }
  const std::vector<std::size_t>& now_top() const { return now_top_; }

  // The names in the directory `path` that may differ, in byte order, where these trees make it up.
  // Sockets and what a view hides are left out. Throws Error.
  std::vector<NamePair> names_in(const RelPath& path, std::span<const std::size_t> before,
                                 std::span<const std::size_t> now) const;
  bool live() const { return before_.live || now_.live; }
  // Whether something in the directory `path` is left out of one of the views.
  bool hides_below(const RelPath& path) const {
    return before_.hides_below(path) || now_.hides_below(path);
  }

 private:
  std::vector<MergedEntry> visible(const RootfsView& view, const RelPath& path,
                                   std::span<const std::size_t> sources,
                                   std::span<const std::string> names) const;

  const RootfsView& before_;
  const RootfsView& now_;
  std::vector<const ViewTree*> view_trees_;
  std::vector<TreeRef> trees_; // those of `before` alone, those of `now` alone, those of both
  std::vector<std::size_t> before_top_;
  std::vector<std::size_t> now_top_;
};

} // namespace layerbox
