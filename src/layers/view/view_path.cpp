#include "layers/view/view_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/fs_at.hpp"
#include "layers/tree/tell_node.hpp"

namespace layerbox {
namespace {

// Puts the components of `path` on top of what is still to come, the last one first.
void push_components(std::vector<std::string>& todo, std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0 && path.substr(0, end) != ".") parts.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  todo.insert(todo.end(), parts.rbegin(), parts.rend());
}

class Walk {
 public:
  explicit Walk(const RootfsView& view) : view_(view), trees_(tree_refs(view)) {
    ViewPlace top;
    top.entry.trees = all_trees(trees_.size());
    top.entry.status = stat_fd(trees_.front());
    places_.push_back(std::move(top));
  }

  std::optional<ViewPlace> to(std::string_view name, LastLink last) {
    push_components(todo_, name);
    while (!todo_.empty()) {
      const std::string part = std::move(todo_.back());
      todo_.pop_back();
      if (!step(part, last)) return std::nullopt;
    }
    return std::move(places_.back());
  }

 private:
  bool step(const std::string& name, LastLink last) {
    const ViewPlace& here = places_.back();
    if (!S_ISDIR(here.entry.status.st_mode)) return false;
    if (name == "..") {
      if (places_.size() > 1) places_.pop_back();
      return true;
    }
    RelPath path = here.path.child(name);
    std::vector<MergedEntry> found =
        merged_entries_named(trees_, here.path, here.entry.trees, std::span(&name, 1));
    if (found.empty() || view_.hides(path)) return false;
    MergedEntry& entry = found.front();
    const bool follows = !todo_.empty() || last == LastLink::follow;
    if (S_ISLNK(entry.status.st_mode) && follows) return follow(entry, path);
    places_.push_back({std::move(path), std::move(entry)});
    return true;
  }

  bool follow(const MergedEntry& link, const RelPath& path) {
    if (++links_ > kMaxViewLinks) return false;
    const UniqueFd dir = open_beneath(trees_[link.trees.front()], path.parent(), kOpenDir);
    const std::string target = read_symlink(dir, link.name.c_str(), path);
    if (target.starts_with('/')) places_.resize(1);
    push_components(todo_, target);
    return true;
  }

  const RootfsView& view_;
  std::vector<TreeRef> trees_;
  std::vector<ViewPlace> places_; // from the top to where we are
  std::vector<std::string> todo_;
  int links_ = 0;
};

} // namespace

std::optional<ViewPlace> find_in_view(const RootfsView& view, std::string_view name,
                                      LastLink last) {
  if (view.trees.empty()) return std::nullopt;
  return Walk(view).to(name, last);
}

std::optional<RootfsView> directory_in_view(const RootfsView& view, std::string_view name) {
  const auto place = find_in_view(view, name, LastLink::follow);
  if (!place || !S_ISDIR(place->entry.status.st_mode)) return std::nullopt;
  RootfsView directory;
  for (const std::size_t tree : place->entry.trees)
    directory.trees.push_back({std::make_shared<const UniqueFd>(
                                   open_beneath(*view.trees[tree].fd, place->path, kOpenDir)),
                               view.trees[tree].path + '/' + place->path.str()});
  return directory;
}

std::optional<ViewPlace> look_in_view(const RootfsView& view, const RelPath& path) {
  if (view.trees.empty()) return std::nullopt;
  const std::vector<TreeRef> trees = tree_refs(view);
  ViewPlace place;
  place.entry.trees = all_trees(trees.size());
  place.entry.status = stat_fd(trees.front());
  for (const std::string_view part : path.components()) {
    if (!S_ISDIR(place.entry.status.st_mode)) return std::nullopt;
    const std::string name(part);
    std::vector<MergedEntry> found =
        merged_entries_named(trees, place.path, place.entry.trees, std::span(&name, 1));
    place.path = place.path.child(part);
    if (found.empty() || view.hides(place.path)) return std::nullopt;
    place.entry = std::move(found.front());
  }
  return place;
}

} // namespace layerbox
