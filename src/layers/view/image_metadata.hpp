// image_metadata: a file of a tree as the image says it is: without overlayfs's notes and the
// host's label, and with the owner that stands for the one on disk.
#pragma once

#include <sys/stat.h>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "layers/tree/tree_sink.hpp"
#include "layers/view/rootfs_view.hpp"

namespace layerbox {

// Root reads owners as they are, and so does who is inside the store's user namespace. A user with
// one id owns all of his store: there he is the image's root.
class ImageMetadata {
 public:
  explicit ImageMetadata(const Identity& who);

  // Of `name` in `dir`; "" is `dir` itself. Throws Error.
  Metadata read(FdRef dir, const char* name, const struct stat& status) const;
  // The same of what stands at `path` of a layer, with what its record knows better.
  Metadata read(const ViewTree& tree, const RelPath& path, FdRef dir, const char* name,
                const struct stat& status) const;

 private:
  bool one_id_;
  uid_t uid_;
  gid_t gid_;
};

} // namespace layerbox
