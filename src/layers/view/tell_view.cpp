#include "layers/view/tell_view.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/tree/tell_node.hpp"

namespace layerbox {
namespace {

class ViewTeller {
 public:
  ViewTeller(const RootfsView& view, const Identity& who, TreeSink& sink)
      : view_(view), trees_(tree_refs(view)), metadata_(who), sink_(sink) {}

  void tell() {
    if (trees_.empty()) return;
    sink_.directory(RelPath(), metadata_.read(view_.trees.front(), RelPath(), trees_.front(), "",
                                              stat_fd(trees_.front())));
    enter(RelPath(), all_trees(trees_.size()));
    while (!folders_.empty()) {
      Folder& folder = folders_.back();
      if (folder.next == folder.entries.size()) {
        folders_.pop_back();
        continue;
      }
      const MergedEntry entry = std::move(folder.entries[folder.next++]);
      const RelPath path = folder.path.child(entry.name);
      try {
        tell_entry(folder, path, entry);
      } catch (const Error& error) {
        if (!view_.live || !means_gone(error)) throw;
        continue;
      }
      if (S_ISDIR(entry.status.st_mode)) enter(path, entry.trees);
    }
  }

 private:
  struct Folder {
    RelPath path;
    std::vector<MergedEntry> entries;
    std::size_t next = 0;
    UniqueFd dir = {}; // in the tree of the last entry: neighbours mostly share it
    std::size_t tree = 0;
  };

  void enter(const RelPath& path, std::span<const std::size_t> sources) {
    // One open directory at a time: depth costs memory, not descriptors.
    if (!folders_.empty()) folders_.back().dir.reset();
    folders_.push_back({path, merged(path, sources)});
  }

  std::vector<MergedEntry> merged(const RelPath& path, std::span<const std::size_t> sources) const {
    std::vector<MergedEntry> entries =
        view_.live ? living_entries(path, sources) : merged_entries(trees_, path, sources);
    add_devices(path, sources, entries);
    std::erase_if(entries, [&](const MergedEntry& entry) {
      return is_left_out(entry.status) || view_.hides(path.child(entry.name));
    });
    return entries;
  }

  std::vector<MergedEntry> living_entries(const RelPath& path,
                                          std::span<const std::size_t> sources) const {
    std::set<std::string> names;
    for (const std::size_t tree : sources) {
      try {
        for (std::string& name : list_dir(open_beneath(trees_[tree], path, kOpenDir)))
          names.insert(std::move(name));
      } catch (const Error& error) {
        if (!means_gone(error)) throw;
      }
    }
    const std::vector<std::string> list(names.begin(), names.end());
    return merged_entries_named(trees_, path, sources, list);
  }

  // Devices whose place holders in the trees are whiteouts, where no tree above says anything else.
  void add_devices(const RelPath& path, std::span<const std::size_t> sources,
                   std::vector<MergedEntry>& entries) const {
    const std::size_t known = entries.size();
    for (auto source = sources.begin(); source != sources.end(); ++source) {
      const ViewTree& tree = view_.trees[*source];
      if (!tree.truth) continue;
      for (const std::string& name : tree.truth->devices_in(path)) {
        const auto above = std::span(sources.begin(), source);
        const bool hidden = std::any_of(above.begin(), above.end(), [&](std::size_t other) {
          const auto dir = try_open_beneath(trees_[other], path, kOpenDir);
          return dir && try_stat_at(*dir, name.c_str());
        });
        if (!hidden) entries.push_back(device(path, name, *source));
      }
    }
    if (entries.size() == known) return;
    std::sort(entries.begin(), entries.end(),
              [](const MergedEntry& a, const MergedEntry& b) { return a.name < b.name; });
  }

  MergedEntry device(const RelPath& path, const std::string& name, std::size_t tree) const {
    const TrueEntries::Entry& truth = *view_.trees[tree].truth->find(path.child(name));
    MergedEntry entry;
    entry.name = name;
    entry.trees = {tree};
    entry.status.st_mode = truth.device->type == SpecialType::block_device ? S_IFBLK : S_IFCHR;
    entry.status.st_nlink = 1;
    return entry;
  }

  // Of a device that has a place holder only.
  bool told_by_record(const RelPath& path, const MergedEntry& entry) {
    const auto& truth = view_.trees[entry.trees.front()].truth;
    const TrueEntries::Entry* known = truth ? truth->find(path) : nullptr;
    if (known == nullptr || !known->device) return false;
    sink_.special(path, known->metadata, *known->device);
    return true;
  }

  void tell_entry(Folder& folder, const RelPath& path, const MergedEntry& entry) {
    const std::size_t tree = entry.trees.front();
    const struct stat& status = entry.status;
    const char* name = entry.name.c_str();
    if (told_by_record(path, entry)) return;
    if (!folder.dir || folder.tree != tree) {
      folder.dir = open_beneath(trees_[tree], folder.path, kOpenDir);
      folder.tree = tree;
    }
    const Metadata metadata = metadata_.read(view_.trees[tree], path, folder.dir, name, status);
    if (S_ISDIR(status.st_mode)) return sink_.directory(path, metadata);
    if (status.st_nlink > 1) {
      const auto [first, is_first] = links_.try_emplace({tree, status.st_dev, status.st_ino}, path);
      if (!is_first) return sink_.hardlink(path, metadata, first->second);
    }
    tell_node({folder.dir, name, path, status}, metadata, sink_);
  }

  const RootfsView& view_;
  std::vector<TreeRef> trees_;
  ImageMetadata metadata_;
  TreeSink& sink_;
  std::vector<Folder> folders_; // from the top to where we are
  std::map<std::tuple<std::size_t, dev_t, ino_t>, RelPath> links_;
};

} // namespace

void tell_view(const RootfsView& view, const Identity& who, TreeSink& sink) {
  ViewTeller(view, who, sink).tell();
  sink.finish();
}

} // namespace layerbox
