// metadata_writer: gives a file that was just made its owner, mode, attributes and times, in the
// order in which they do not undo each other: owner (clears setuid and capabilities), mode,
// attributes (security.capability among them), times. A call that would change nothing is not made.
//
// What this user or this file system cannot hold is counted in an Unheld, not thrown: owners that
// are not mapped, attributes refused with EPERM or EOPNOTSUPP.
#pragma once

#include <sys/stat.h>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "layers/tree/tree_sink.hpp"
#include "layers/tree/unheld.hpp"

namespace layerbox {

class MetadataWriter {
 public:
  explicit MetadataWriter(const Identity& who)
      : changes_owner_(who.privilege != Privilege::single),
        maps_all_(who.privilege == Privilege::root), map_(who.store_map) {}

  enum class Times : std::uint8_t { set, later };
  // A file or directory by its descriptor. Throws Error.
  void dress(FdRef fd, const RelPath& path, const Metadata& metadata, Times times);
  // A symlink, fifo or device `name` in `dir`. Throws Error.
  void dress_at(FdRef dir, const char* name, const RelPath& path, const Metadata& metadata);
  // Owner 0:0 and exactly `mode` for a directory nobody described.
  void dress_plain(FdRef fd, const RelPath& path, mode_t mode);

  // From now on new files may be born with an ACL that their directory hands down; it is taken
  // away.
  void expect_inherited_acls() { inherits_acls_ = true; }

  Unheld& unheld() { return unheld_; }
  const Unheld& unheld() const { return unheld_; }

 private:
  struct Owner {
    uid_t uid;
    gid_t gid;
  };
  Owner wanted_owner(const struct stat& now, const Metadata& metadata);
  void owner_refused(const RelPath& path);
  void set_xattrs(FdRef dir, const char* name, const RelPath& path, const XattrMap& xattrs);

  bool changes_owner_;
  bool maps_all_;
  bool inherits_acls_ = false;
  IdMap map_;
  Unheld unheld_;
};

// Sets the times of last access and modification to `mtime`. Throws Error.
void set_times(FdRef fd, const TimeStamp& mtime, const RelPath& path);
// Takes the ACLs away that `fd` inherited, if any. Throws Error.
void remove_acls(FdRef fd, const RelPath& path);

inline constexpr const char* kAccessAclXattr = "system.posix_acl_access";
inline constexpr const char* kDefaultAclXattr = "system.posix_acl_default";

} // namespace layerbox
