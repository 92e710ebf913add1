// account_trees: which tree of a chain each byte of a root file system comes from, and what of it
// nobody can see.
//
//     const Account account = account_trees(trees, {2, 10});      // topmost first
//     account.trees[0].bytes                      all that the topmost tree holds
//     account.folders.at("usr")[1].wasted_bytes   of the second one, below /usr
//
// Bytes are the lengths of regular files, holes included, as a layer's row counts them; of the
// names of one file the first that can be seen counts, or the first. A file is wasted when a tree
// above it has something else in its place or in that of a directory it is in, hides it by a
// whiteout, or has an opaque directory there. What is seen is decided as in merged_view.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {

enum class WasteKind : std::uint8_t { replaced, removed };

struct TreeShare {
  std::uint64_t bytes = 0; // the wasted ones included
  std::uint64_t wasted_bytes = 0;
  std::uint64_t files = 0;
};

TreeShare sum_of(std::span<const TreeShare> shares);

struct WastedFile {
  std::string path; // relative
  std::size_t tree = 0;
  std::size_t hidden_by = 0; // the number of a tree
  WasteKind kind = WasteKind::replaced;
  std::uint64_t bytes = 0;
};

struct ListedFile {
  std::string name;
  std::size_t tree = 0;
  std::uint64_t bytes = 0;
  bool is_wasted = false;
};

struct Account {
  std::vector<TreeShare> trees;
  // By path; "" is the top. Each has a share for each tree, and is as large as all that is below.
  std::map<std::string, std::vector<TreeShare>> folders;
  std::vector<WastedFile> wasted;                       // the largest first
  std::map<std::string, std::vector<ListedFile>> files; // by the path of their directory
};

struct AccountLimits {
  std::size_t depth = 2;       // of the directories that have their own line; 0: the top alone
  std::size_t most_files = 10; // that are named as wasted
  std::size_t most_listed = 0; // in `files`; those beyond count, and are not listed
};

// `trees` are in overlay dialect, topmost first. What goes away meanwhile was not there. Throws
// Error.
Account account_trees(std::span<const FdRef> trees, const AccountLimits& limits);

} // namespace layerbox
