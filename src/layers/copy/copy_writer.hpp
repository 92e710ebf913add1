// copy_writer: a TreeSink that puts files into a directory that is there, as cp does: directories
// merge, all else replaces what has its name, and nothing turns a directory into something else.
//
//     CopyWriter writer(destination_fd, {.owner = Owner{0, 0}});
//     writer.file(RelPath::parse("etc/motd"), metadata, size, content);
//     writer.finish();
//
// Below the directory no symlink is followed, whoever made it. A file is written under a name of
// its own and then takes its place: so a fifo or a device there is never opened, and who reads the
// old file goes on reading that. Directories that are there stay as they are; those that are made
// get their look when the next entry is not in them, so depth-first order is the one to use.
//
// Who owns a file decides what its bits mean: where it is not given the owner that it is told to
// have, it loses setuid, setgid, capabilities and ACLs. Device files are never made, but counted.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layers/copy/covered_places.hpp"
#include "layers/tree/metadata_writer.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

struct CopyOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};
// Whoever it is that writes, and the directory's group where that is handed down: as files are
// made.
inline constexpr CopyOwner kWhoWrites{static_cast<uid_t>(-1), static_cast<gid_t>(-1)};

// user.*, and what means something with the file's owner alone: ACLs and capabilities.
bool is_copied_xattr(std::string_view name);

class CopyWriter : public TreeSink {
 public:
  struct Options {
    std::optional<CopyOwner> owner;         // of all files; nothing: each its own
    const CoveredPlaces* covered = nullptr; // where nothing may be written
  };

  // `top` is borrowed.
  CopyWriter(FdRef top, Options options);

  // All throw Error that names the path.
  void directory(const RelPath& path, const Metadata& metadata) override;
  void file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
            FileContent& content) override;
  void symlink(const RelPath& path, const Metadata& metadata, const std::string& target) override;
  void hardlink(const RelPath& path, const Metadata& metadata, const RelPath& target) override;
  void special(const RelPath& path, const Metadata& metadata, const Special& special) override;
  void whiteout(const RelPath& path) override;
  void opaque(const RelPath& path) override;
  void finish() override;

  const Unheld& unheld() const { return metadata_.unheld(); }

 private:
  struct Pending { // a directory that was made here
    RelPath path;
    Metadata metadata;
  };
  FdRef parent_of(const RelPath& path);
  UniqueFd open_parent(const RelPath& path) const;
  void settle_all_but_parents_of(const RelPath& path);
  void settle(const Pending& pending);
  Metadata owned(FdRef dir, const char* name, Metadata metadata);
  template <typename Make> void put(const RelPath& path, Make&& make);

  FdRef top_;
  Options options_;
  MetadataWriter metadata_;
  std::vector<Pending> pending_; // each below the one before
  std::optional<RelPath> parent_path_;
  UniqueFd parent_;
};

} // namespace layerbox
