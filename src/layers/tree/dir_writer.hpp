// dir_writer: a TreeSink that makes a layer tree of a directory, in overlay dialect.
//
//     DirWriter writer(tree_fd, who);
//     writer.file(RelPath::parse("usr/bin/true"), metadata, size, content);
//     writer.finish();
//
// The tree may be told in any order and may contradict itself; the last word wins:
//   * A directory that is missing on the way to an entry is made, 0755 root:root at time 0, and
//     remembered as implied until an entry of its own comes. So is the top.
//   * A symlink on the way is followed inside the tree, as if the tree were "/"; one that climbs
//   out
//     of the tree, or leads to no directory of it, is refused.
//   * A file in place of a directory that an entry needs gives way, and so does whatever has the
//     name of an entry; a directory that meets its own kind is kept with what is in it.
//   * Whiteouts and opaque marks hide only what is below: an entry of this tree wins over a
//   whiteout
//     of its name whichever comes first, and a directory that does so is opaque.
//
// All names are reached from the tree's descriptor, component by component, never through a symlink
// that the kernel follows. Nothing is made durable.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "layers/tree/consume_tree.hpp"
#include "layers/tree/dir_cache.hpp"
#include "layers/tree/metadata_writer.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

class DirWriter : public TreeSink {
 public:
  struct Options {
    std::uint64_t max_nodes = ~std::uint64_t{0}; // files of all types; told as --max-entries
    // Memory for the names of implied directories; a tree with more of them is refused.
    std::size_t max_implied_bytes = std::size_t{8} << 20;
    // Where the regular files go that give way; must move them away; empty ones may go. Default:
    // unlinked.
    TakeFile take_replaced;
  };

  // `top` is an empty directory that stays open. Throws Error.
  DirWriter(FdRef top, const Identity& who, Options options);

  void directory(const RelPath& path, const Metadata& metadata) override;
  void file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
            FileContent& content) override;
  void symlink(const RelPath& path, const Metadata& metadata, const std::string& target) override;
  void hardlink(const RelPath& path, const Metadata& metadata, const RelPath& target) override;
  void special(const RelPath& path, const Metadata& metadata, const Special& special) override;
  void whiteout(const RelPath& path) override;
  void opaque(const RelPath& path) override;
  void finish() override;

  // Where an entry called `path` comes to stand once symlinks on its way are followed; makes the
  // directories on the way. The top stands where it is. Throws Error(corrupt) for an escape.
  RelPath place(const RelPath& path);
  // Makes `path` a hard link to `target`, unless there is no such target (yet): false then. The
  // target may be a symlink (the link is to the symlink itself). Throws Error(corrupt) for a target
  // that is a directory, or that the link would have to replace.
  bool try_hardlink(const RelPath& path, const RelPath& target);
  // Makes way for `path`: removes what has the name. Absence is success.
  void clear(const RelPath& path);
  bool exists(const RelPath& path); // whiteouts do not count

  // Directories that no entry described, parents before children; the top is "".
  std::vector<RelPath> implied() const;
  std::uint64_t size_bytes() const { return size_bytes_; } // of regular files, links once
  Unheld& unheld() { return metadata_.unheld(); }

 private:
  enum class OnFile : std::uint8_t { replace, stop }; // a non-directory where a parent is needed
  enum class OnMissing : std::uint8_t { make, stop };
  struct Walk;
  struct Node { // an open parent and one component
    OpenDir* dir;
    std::string name;
  };

  // The path of directory `path` without symlinks; nothing when a policy said stop.
  std::optional<RelPath> resolve(const RelPath& path, OnMissing on_missing, OnFile on_file);
  bool step(Walk& walk);
  bool follow(Walk& walk, OpenDir& dir, const std::string& name, bool from_link);
  std::optional<Node> existing_parent(const RelPath& path);
  Node parent_of(const RelPath& path);
  OpenDir& open_dir(const RelPath& path);
  OpenDir& make_directory(const RelPath& path, mode_t mode);
  void make_implied(const RelPath& path);
  void count_node();
  enum class Was : std::uint8_t { nothing, whiteout, other };
  Was make_way(const RelPath& path, const Node& at);
  bool is_last_name(const struct stat& status);
  UniqueFd create_file(const RelPath& path, const Node& at, mode_t mode);
  void make_whiteout(OpenDir& dir, const std::string& name, const RelPath& path);
  void set_opaque(FdRef dir, const RelPath& path);
  void set_directory(OpenDir& dir, const Metadata& metadata);
  void forget_implied_at_and_below(const RelPath& path);

  Options options_;
  DirCache cache_;
  MetadataWriter metadata_;
  std::set<std::string> implied_; // sorted: what is below a path is one range
  std::size_t implied_bytes_ = 0;
  std::uint64_t nodes_ = 0;
  std::uint64_t size_bytes_ = 0;
  std::unordered_map<ino_t, nlink_t> taken_names_; // of files that have, or had, several
};

} // namespace layerbox
