#include "layers/view/image_metadata.hpp"

#include <unistd.h>

#include "layers/view/merged_view.hpp"

namespace layerbox {

ImageMetadata::ImageMetadata(const Identity& who)
    : one_id_(who.privilege == Privilege::single && ::geteuid() != 0), uid_(who.uid),
      gid_(who.gid) {}

Metadata ImageMetadata::read(FdRef dir, const char* name, const struct stat& status) const {
  Metadata metadata;
  metadata.uid = one_id_ && status.st_uid == uid_ ? 0 : status.st_uid;
  metadata.gid = one_id_ && status.st_gid == gid_ ? 0 : status.st_gid;
  metadata.mode = status.st_mode & 07777;
  metadata.mtime = {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
  metadata.xattrs = image_xattrs(dir, name);
  return metadata;
}

Metadata ImageMetadata::read(const ViewTree& tree, const RelPath& path, FdRef dir, const char* name,
                             const struct stat& status) const {
  Metadata metadata = read(dir, name, status);
  const TrueEntries::Entry* truth = tree.truth ? tree.truth->find(path) : nullptr;
  if (truth == nullptr) return metadata;
  metadata.uid = truth->metadata.uid;
  metadata.gid = truth->metadata.gid;
  metadata.xattrs.insert(truth->metadata.xattrs.begin(), truth->metadata.xattrs.end());
  return metadata;
}

} // namespace layerbox
