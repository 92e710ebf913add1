// copy_entry: one name of a tree into another directory, with all that is said of it.
//
// Kept: type, owner, mode, extended attributes, modification time to the nanosecond, holes, symlink
// targets, device numbers. Hard links are the caller's business: he knows what he has copied.
//
//     EntryCopier copier(Notes::left_out, Activity::none, course, &progress);
//     copier.copy(from, to, entry);          // everything but directories
//     copy_metadata(from, to, notes);        // a directory's own, when all in it is made
#pragma once

#include "base/unique_fd.hpp"
#include "layers/backend/copy_file.hpp"
#include "layers/view/merged_view.hpp"

namespace layerbox {

// What overlayfs has noted in a tree: whiteouts, and marks among the attributes.
enum class Notes : bool { left_out, copied };

// Gives `to` the owner, mode, attributes and modification time of `from`. Throws Error.
void copy_metadata(FdRef from, FdRef to, Notes notes);

// Threads: one at a time.
class EntryCopier {
 public:
  EntryCopier(Notes notes, Activity activity, CopyCourse& course, Progress* progress)
      : notes_(notes), files_(activity, course, progress) {}

  // Makes `entry` of the directory `from` in the directory `to`, where it is not there yet. Throws
  // Error.
  void copy(FdRef from, FdRef to, const MergedEntry& entry);

 private:
  void copy_regular(FdRef from, FdRef to, const MergedEntry& entry);
  void copy_symlink(FdRef from, FdRef to, const MergedEntry& entry);
  void copy_special(FdRef from, FdRef to, const MergedEntry& entry);
  void copy_named_metadata(FdRef from, FdRef to, const MergedEntry& entry);

  Notes notes_;
  FileCopier files_;
};

} // namespace layerbox
