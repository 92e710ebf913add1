#include "layers/backend/merged_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {

namespace {

constexpr int kOpenDir = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// The components of `path`, the last first, on top of what is still to come.
void push_components(std::vector<std::string>& todo, std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0 && path.substr(0, end) != ".") parts.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  todo.insert(todo.end(), parts.rbegin(), parts.rend());
}

struct Place {
  RelPath path;
  std::vector<std::size_t> trees;
};

std::string link_text(FdRef tree, const RelPath& directory, const MergedEntry& entry) {
  const UniqueFd dir = open_beneath(tree, directory, kOpenDir);
  std::string text(RelPath::kMaxBytes + 1, '\0');
  const ssize_t size = ::readlinkat(dir.get(), entry.name.c_str(), text.data(), text.size());
  if (size < 0) throw_errno(errno, "readlink '" + printable(entry.name) + "'");
  text.resize(static_cast<std::size_t>(size));
  return text;
}

class Walk {
 public:
  explicit Walk(const LayerTrees& chain) : chain_(chain) {
    std::vector<std::size_t> all(chain.fds.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    places_.push_back({RelPath(), std::move(all)});
  }

  // False when the name leads to no directory.
  bool to(std::string_view path) {
    push_components(todo_, path);
    while (!todo_.empty()) {
      const std::string name = std::move(todo_.back());
      todo_.pop_back();
      if (!step(name)) return false;
    }
    return true;
  }

  LayerTrees here() const {
    LayerTrees found;
    for (const std::size_t tree : places_.back().trees) {
      found.fds.push_back(open_beneath(chain_.fds[tree], places_.back().path, kOpenDir));
      found.paths.push_back(chain_.paths[tree] + '/' + places_.back().path.str());
    }
    return found;
  }

 private:
  bool step(const std::string& name) {
    if (name == "..") {
      if (places_.size() > 1) places_.pop_back();
      return true;
    }
    const Place& here = places_.back();
    std::vector<MergedEntry> entries = merged_entries(chain_.fds, here.path, here.trees);
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&](const MergedEntry& one) { return one.name == name; });
    if (entry == entries.end()) return false;
    if (S_ISDIR(entry->status.st_mode)) {
      places_.push_back({here.path.child(name), std::move(entry->trees)});
      return true;
    }
    return S_ISLNK(entry->status.st_mode) && follow(*entry);
  }

  bool follow(const MergedEntry& link) {
    if (++links_ > kMaxMergedLinks) return false;
    const std::string text = link_text(chain_.fds[link.trees.front()], places_.back().path, link);
    if (text.starts_with('/')) places_.resize(1);
    push_components(todo_, text);
    return true;
  }

  const LayerTrees& chain_;
  std::vector<Place> places_; // from the top to where we are
  std::vector<std::string> todo_;
  int links_ = 0;
};

} // namespace

std::optional<LayerTrees> merged_directory(const LayerTrees& chain, std::string_view path) {
  if (chain.fds.empty()) return std::nullopt;
  Walk walk(chain);
  if (!walk.to(path)) return std::nullopt;
  return walk.here();
}

} // namespace layerbox
