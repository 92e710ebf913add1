// store: the directory that holds everything, opened.
//
//     Store store = Store::open(path, current_identity());
//     Staging staging = store.new_staging();
//     ... write below staging.dir() ...
//     sync, then move into place, then the row:   see commit_layers and docs/on-disk.md
//
// Locks, taken in this order: gate, staging, layers (ascending), container, database.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_lock.hpp"
#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "store/catalog.hpp"
#include "store/layout.hpp"

namespace layerbox {

// A private directory under staging/, locked while it lives; its destructor removes what is left.
// Without its holder it is garbage, and sweep() of any later command removes it.
class Staging {
 public:
  Staging(Staging&&) noexcept = default;
  Staging& operator=(Staging&&) = delete;
  ~Staging();
  FdRef dir() const;
  const std::string& token() const { return token_; }

 private:
  friend class Store;
  Staging(UniqueFd staging_root, std::string token, FileLock lock);
  UniqueFd staging_root_;
  std::string token_;
  std::optional<FileLock> lock_;
};

class Store {
 public:
  // Opens the store at the absolute path `root`, making it (0700) when missing. Refuses, with the
  // reason, a file system that cannot hold one (NFS, FUSE, casefold, overlay, no xattrs), a store
  // of another version, and a store whose trees were written under another id map than
  // `identity.store_map` of the same user allows. Throws Error.
  static Store open(const std::string& root, const Identity& identity);
  // The same for who only looks: nothing is made or written, and there is nothing to open where no
  // store is.
  static std::optional<Store> open_existing(const std::string& root, const Identity& identity);

  const std::string& path() const { return path_; }
  FdRef root() const { return root_; }
  const Identity& identity() const { return identity_; }
  // The database, opened at first use.
  Catalog& catalog();

  // The store's gate. Shared: for the moments between resolving an image and holding a lease on it,
  // and between making a staging directory and locking it. Exclusive: to mark and move to trash.
  RangeLock gate(LockMode mode) const;
  std::optional<RangeLock> try_gate(LockMode mode) const;
  // Imports of the same layer meet here: one unpacks, the other waits and finds it done.
  // Whoever needs several takes them with layer_locks: in the order of their numbers, and all by
  // one descriptor, because two layers may share a number and a process would wait for itself.
  RangeLock layer_lock(const Digest& diff_id) const;
  RangeLock layer_locks(const std::vector<Digest>& diff_ids) const;

  Staging new_staging() const;

  // Blobs: content is verified against `digest` before it becomes visible, and is durable after.
  // put_blob requires that the caller holds a Staging until the image's row is there.
  bool has_blob(const Digest& digest) const;
  void put_blob(const Digest& digest, std::string_view content) const;
  std::string read_blob(const Digest& digest, std::size_t max_bytes) const; // verified

  struct StagedLayer {
    LayerKey key;
    std::string dir; // below the staging directory: tree/, record, descriptor
  };
  // Moves each, already synced by the caller with syncfs, to layers/sha256/<key>, and then fsyncs
  // the parent, once. A directory that is there without a row is moved to trash first. Requires
  // the layers' locks. The caller inserts the rows afterwards.
  void commit_layers(const std::vector<StagedLayer>& layers, FdRef staging) const;

  // Renames what is damaged (relative to the root) into damaged/, where it is nobody's, and returns
  // its path there. Throws Error.
  std::string set_apart(const std::string& path) const;
  // Makes the database anew: `fill` gets an empty one, which then takes the place of what is there,
  // which is set apart. Requires the gate exclusive, and that nobody else has it open. Throws
  // Error.
  void replace_database(const std::function<void(Catalog& empty)>& fill);

  // Renames PATH (relative to the root) into trash/ and returns; sweep() deletes it. Absence is
  // success. Throws Error.
  void move_to_trash(const std::string& path) const;
  // Deletes an image: its row, the names that `image` has, and what nothing else uses, which goes
  // to trash for sweep(). What a container uses stays until it is gone; while somebody imports, the
  // files stay for a later sweep(). False when the image stays, because it was given another name
  // since the caller looked. Requires the gate exclusive. Throws Error(not_found).
  bool remove_image(const ImageRow& image);
  // The same for each of `images`, whose rows go together.
  std::vector<bool> remove_images(std::span<const ImageRow> images);
  // Deletes what nobody holds: trash, staging without a lock, throw-away containers without a
  // lease; and, while nobody imports, layers and blobs without a row and rows of layers that no
  // image and no container has. Takes the gate exclusively for the marking; skips that when it
  // cannot have it at once and is not to wait for it. Makes the reserve again (reserve.hpp).
  // A container whose process outlived its layerbox is killed first (see container_lease.hpp).
  // Never throws for what it cannot remove; returns the number of things that were left, with the
  // reason of the first in `why`.
  struct SweepResult {
    std::size_t removed = 0;
    std::size_t left = 0;
    std::string why;
  };
  enum class HeldGate : std::uint8_t { pass, wait }; // `wait`: for who empties the trash, too
  // `later`: by a process of its own that goes on when the caller has ended (trash.hpp).
  enum class Deleting : std::uint8_t { now, later };
  SweepResult sweep(HeldGate held = HeldGate::pass, Deleting deleting = Deleting::now);
  // Whether sweep() would find nothing, as far as can be told in a few system calls, whatever the
  // store holds: nothing was left when it was swept last, nothing that makes garbage has happened
  // since, and all containers that may leave something are alive. A start asks this. False where it
  // is not known. Throws Error.
  bool is_swept() const;

 private:
  Store(std::string path, UniqueFd root, Identity identity);
  std::string path_;
  UniqueFd root_;
  Identity identity_;
  std::optional<Catalog> catalog_;
};

} // namespace layerbox
