// merged_view: what a chain of layer trees looks like as one tree, one directory at a time.
//
// The trees are in overlay dialect (layers/tree/overlay_dialect.hpp). The rules are those by which
// overlayfs itself merges, with two additions that OCI image-spec layer.md asks for and overlayfs
// does not give: an opaque mark on the top of a tree hides the whole chain below it, and a tree
// that comes twice counts once, at its higher place (which changes nothing in what is seen: all
// that the lower one says, the higher one says again).
//
//     const RootfsView image = view_of(open_layer_trees(store, layers));        // topmost first
//     for (const MergedEntry& e : merged_entries(tree_refs(image), RelPath(), all)) …
//
// Source: Linux Documentation/filesystems/overlayfs.rst, "Upper and Lower", "whiteouts and opaque
// directories"; OCI image-spec layer.md, "Whiteouts".
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "base/xattr.hpp"
#include "layers/tree/overlay_dialect.hpp"
#include "store/store.hpp"

namespace layerbox {

// The trees of a chain that can be seen, topmost first: the fields of one index belong together.
struct LayerTrees {
  std::vector<UniqueFd> fds;
  std::vector<std::string> paths; // relative to the store: layers/sha256/<key>/tree
};

// Opens the trees of `layers` (bottom first). Throws Error(not_found) for a layer whose tree is not
// in the store.
LayerTrees open_layer_trees(const Store& store, std::span<const LayerKey> layers);

// One name of the merged view. A directory may come from several trees (topmost first; the first
// gives owner, mode, attributes and times), anything else comes from one.
struct MergedEntry {
  std::string name;
  struct stat status {};
  std::vector<std::size_t> trees; // indices into LayerTrees
};

// One of the trees that are merged, and in which words it says what it hides.
struct TreeRef {
  FdRef fd;
  Dialect dialect = Dialect::overlay;
  TreeRef(FdRef tree, Dialect words = Dialect::overlay) // NOLINT(google-explicit-constructor)
      : fd(tree), dialect(words) {}
  operator FdRef() const { return fd; } // NOLINT(google-explicit-constructor)
};

// The entries of directory `path`, which the trees numbered `sources` (topmost first) make up; in
// byte order of names. Throws Error.
std::vector<MergedEntry> merged_entries(std::span<const TreeRef> trees, const RelPath& path,
                                        std::span<const std::size_t> sources);

// The same for the given names alone: who knows which of them matter need not read the directory.
// What is not there, or not there any more, is left out.
std::vector<MergedEntry> merged_entries_named(std::span<const TreeRef> trees, const RelPath& path,
                                              std::span<const std::size_t> sources,
                                              std::span<const std::string> names);

// Attributes that are overlayfs's own notes ("user.overlay.…", "trusted.overlay.…") or the host's
// label on the file (security.selinux): they are no part of what an image says.
bool is_host_xattr(std::string_view name);
// The attributes of `name` in `dir` ("" is `dir` itself) without those above.
XattrMap image_xattrs(FdRef dir, const char* name);

} // namespace layerbox
