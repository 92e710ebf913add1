#include "layers/view/account_trees.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/tree/dir_reader.hpp"
#include "layers/tree/overlay_dialect.hpp"
#include "layers/view/rootfs_view.hpp"

namespace layerbox {
namespace {

// What hides something of a lower tree.
struct Cover {
  std::size_t tree;
  WasteKind kind;
};

// A directory in one tree, and what hides it there.
struct FolderPart {
  std::size_t tree;
  std::optional<Cover> cover;
};

// A name while the trees are gone through from the top.
struct NameSoFar {
  std::optional<Cover> cover; // of all that comes below
  std::vector<FolderPart> folders;
};

class Accountant {
 public:
  Accountant(std::span<const FdRef> trees, const AccountLimits& limits)
      : trees_(trees), limits_(limits) {
    account_.trees.resize(trees.size());
  }

  Account count() {
    pending_.emplace_back(RelPath(), tops());
    while (!pending_.empty()) {
      const auto [path, parts] = std::move(pending_.back());
      pending_.pop_back();
      count_folder(path, parts);
    }
    for (const auto& [file, linked] : links_)
      add(linked.path, std::get<0>(file), linked.bytes, linked.cover);
    return std::move(account_);
  }

 private:
  struct LinkedFile {
    std::string path;
    std::uint64_t bytes;
    std::optional<Cover> cover;
  };

  std::vector<FolderPart> tops() const {
    std::vector<FolderPart> parts;
    std::optional<Cover> cover;
    for (std::size_t tree = 0; tree < trees_.size(); ++tree) {
      parts.push_back({tree, cover});
      if (!cover && is_opaque_dir(trees_[tree])) cover = Cover{tree, WasteKind::removed};
    }
    return parts;
  }

  void count_folder(const RelPath& path, const std::vector<FolderPart>& parts) {
    // The line is there although nothing in the directory has a length.
    if (depth_of(path.str()) <= limits_.depth) folder(path.str());
    std::map<std::string, NameSoFar> names;
    for (const FolderPart& part : parts) {
      try {
        const UniqueFd dir = open_beneath(trees_[part.tree], path, kOpenDir);
        for (const std::string& name : list_dir(dir))
          if (const auto status = try_stat_at(dir, name.c_str()))
            look(path.child(name), names[name], part, dir, name, *status);
      } catch (const Error& error) {
        if (!means_gone(error)) throw;
      }
    }
    // The last is taken first: so names come in their order.
    for (auto name = names.rbegin(); name != names.rend(); ++name)
      if (!name->second.folders.empty())
        pending_.emplace_back(path.child(name->first), std::move(name->second.folders));
  }

  void look(const RelPath& path, NameSoFar& so_far, const FolderPart& part, FdRef dir,
            const std::string& name, const struct stat& status) {
    std::optional<Cover> cover = part.cover ? part.cover : so_far.cover;
    if (is_whiteout_node(status)) {
      if (!cover) so_far.cover = Cover{part.tree, WasteKind::removed};
      return;
    }
    if (S_ISDIR(status.st_mode)) {
      so_far.folders.push_back({part.tree, cover});
      if (!cover && is_opaque_dir(open_beneath(dir, RelPath::parse(name), kOpenDir)))
        so_far.cover = Cover{part.tree, WasteKind::removed};
      return;
    }
    // A directory above a file is in its place.
    if (!cover && !so_far.folders.empty())
      cover = Cover{so_far.folders.front().tree, WasteKind::replaced};
    if (!so_far.cover) so_far.cover = cover ? cover : Cover{part.tree, WasteKind::replaced};
    if (S_ISREG(status.st_mode)) count_file(path.str(), part.tree, status, cover);
  }

  void count_file(const std::string& path, std::size_t tree, const struct stat& status,
                  const std::optional<Cover>& cover) {
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    if (status.st_nlink < 2) return add(path, tree, bytes, cover);
    // One name that can be seen is enough to need the file.
    const auto [link, is_first] =
        links_.try_emplace({tree, status.st_dev, status.st_ino}, LinkedFile{path, bytes, cover});
    if (!is_first && link->second.cover && !cover) link->second = {path, bytes, cover};
  }

  void add(const std::string& path, std::size_t tree, std::uint64_t bytes,
           const std::optional<Cover>& cover) {
    const auto add_to = [&](TreeShare& share) {
      share.bytes += bytes;
      ++share.files;
      if (cover) share.wasted_bytes += bytes;
    };
    add_to(account_.trees[tree]);
    add_to(folder("")[tree]);
    std::size_t slash = path.find('/');
    for (std::size_t depth = 1; depth <= limits_.depth && slash != std::string::npos; ++depth) {
      add_to(folder(path.substr(0, slash))[tree]);
      slash = path.find('/', slash + 1);
    }
    if (cover) name_as_wasted({path, tree, cover->tree, cover->kind, bytes});
    if (listed_ == limits_.most_listed) return;
    ++listed_;
    const std::size_t last = path.rfind('/');
    const std::string folder_path = last == std::string::npos ? "" : path.substr(0, last);
    account_.files[folder_path].push_back(
        {path.substr(last + 1), tree, bytes, cover.has_value()}); // npos + 1 is 0
  }

  void name_as_wasted(WastedFile file) {
    std::vector<WastedFile>& list = account_.wasted;
    const auto place = std::upper_bound(
        list.begin(), list.end(), file, [](const WastedFile& a, const WastedFile& b) {
          return std::tie(b.bytes, a.path, a.tree) < std::tie(a.bytes, b.path, b.tree);
        });
    list.insert(place, std::move(file));
    if (list.size() > limits_.most_files) list.pop_back();
  }

  static std::size_t depth_of(const std::string& path) {
    if (path.empty()) return 0;
    return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
  }

  std::vector<TreeShare>& folder(const std::string& path) {
    std::vector<TreeShare>& shares = account_.folders[path];
    shares.resize(trees_.size());
    return shares;
  }

  std::span<const FdRef> trees_;
  AccountLimits limits_;
  Account account_;
  std::size_t listed_ = 0;
  std::vector<std::pair<RelPath, std::vector<FolderPart>>> pending_;
  std::map<std::tuple<std::size_t, dev_t, ino_t>, LinkedFile> links_;
};

} // namespace

TreeShare sum_of(std::span<const TreeShare> shares) {
  TreeShare sum;
  for (const TreeShare& share : shares) {
    sum.bytes += share.bytes;
    sum.wasted_bytes += share.wasted_bytes;
    sum.files += share.files;
  }
  return sum;
}

Account account_trees(std::span<const FdRef> trees, const AccountLimits& limits) {
  return Accountant(trees, limits).count();
}

} // namespace layerbox
