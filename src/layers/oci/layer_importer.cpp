#include "layers/oci/layer_importer.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/pipe.hpp"
#include "base/remove_tree.hpp"
#include "base/stream.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/tar/layer_descriptor.hpp"
#include "layers/tree/implied_directories.hpp"

namespace layerbox {
namespace {

// An image may have more layers to lock, and trees to look at, than the usual 1024 descriptors.
void allow_many_descriptors() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit); // where it fails, opening the next one says so
}

// Directories as unpacking makes those that a tar does not mention.
void make_implied(FdRef tree, const std::vector<RelPath>& implied) {
  for (const RelPath& path : implied) {
    const UniqueFd dir = make_dirs_beneath(tree, path, 0755);
    if (::fchmod(dir.get(), 0755) != 0) throw_errno(errno, "set the mode of a directory");
  }
  const struct timespec times[2] = {{0, 0}, {0, 0}};
  for (auto path = implied.rbegin(); path != implied.rend(); ++path) {
    const UniqueFd dir = open_beneath(tree, *path, kOpenDir);
    if (::futimens(dir.get(), times) != 0) throw_errno(errno, "set the times of a directory");
  }
}

} // namespace

LayerImporter::LayerImporter(Store& store, const Staging& staging, const ImportLimits& limits,
                             Progress& progress)
    : store_(store), staging_(staging), limits_(limits), progress_(progress),
      early_(staging.dir()) {}

bool LayerImporter::reusable_without_lock(const Digest& diff_id) {
  const LayerKey key{diff_id, std::nullopt};
  if (!is_whole(key)) return false;
  const auto implied = implied_of(key);
  return implied && implied->empty();
}

void LayerImporter::lock(std::vector<Digest> diff_ids) {
  std::sort(diff_ids.begin(), diff_ids.end());
  diff_ids.erase(std::unique(diff_ids.begin(), diff_ids.end()), diff_ids.end());
  std::erase_if(diff_ids, [this](const Digest& id) { return reusable_without_lock(id); });
  allow_many_descriptors();
  locks_.clear();
  locks_.push_back(store_.layer_locks(diff_ids));
  locked_ = std::move(diff_ids);
}

bool LayerImporter::is_whole(const LayerKey& key) const {
  return store_.catalog().layer(key) &&
         try_open_beneath(store_.root(), RelPath::parse(layout::layer_tree(key)), kOpenDir);
}

std::optional<std::vector<RelPath>> LayerImporter::implied_of(const LayerKey& key) {
  if (const auto staged = staged_.find(key); staged != staged_.end()) return staged->second.implied;
  if (!is_whole(key)) return std::nullopt;
  const UniqueFd dir =
      open_beneath(store_.root(), RelPath::parse(layout::layer_dir(key)), kOpenDir);
  return read_descriptor(dir).implied;
}

std::optional<LayerKey> LayerImporter::find(const Digest& diff_id,
                                            const std::vector<LayerKey>& below) {
  const LayerKey alone{diff_id, std::nullopt};
  if (const auto implied = implied_of(alone))
    if (implied->empty() || below.empty() || !looks_different_on(*implied, below)) return alone;
  if (below.empty()) return std::nullopt;
  const LayerKey placed{diff_id, chain_of(below)};
  if (implied_of(placed)) return placed;
  return std::nullopt;
}

bool LayerImporter::looks_different_on(const std::vector<RelPath>& implied,
                                       const std::vector<LayerKey>& below) {
  const std::string name = next_dir();
  const UniqueFd tree = make_or_open_dir_at(staging_.dir(), name.c_str(), 0755);
  make_implied(tree, implied);
  const bool different = adopt(tree, implied, below);
  remove_tree(staging_.dir(), name.c_str());
  return different;
}

bool LayerImporter::adopt(FdRef tree, const std::vector<RelPath>& implied,
                          const std::vector<LayerKey>& below) {
  std::vector<FdRef> topmost_first;
  for (auto key = below.rbegin(); key != below.rend(); ++key)
    topmost_first.emplace_back(open_tree(*key));
  // Who has one id may not look into a directory of his own that has mode 0; as the store's owner
  // he may. What is done there is told through the pipe.
  Pipe changed = make_pipe();
  as_store_owner_when_refused(store_.identity(), [&] {
    if (adopt_implied_directories(tree, implied, topmost_first))
      write_all(changed.write, std::array{std::byte{1}}, "a pipe");
  });
  changed.write.reset();
  std::array<std::byte, 1> answer{};
  return FdSource(changed.read, "a pipe").read(answer) > 0;
}

// Each layer of an image asks those below it: they stay open.
FdRef LayerImporter::open_tree(const LayerKey& key) {
  if (const auto open = trees_.find(key); open != trees_.end()) return open->second;
  const auto staged = staged_.find(key);
  UniqueFd tree =
      staged != staged_.end()
          ? open_beneath(staging_.dir(), RelPath::parse(staged->second.dir).child(layout::kTree),
                         kOpenDir)
          : open_beneath(store_.root(), RelPath::parse(layout::layer_tree(key)), kOpenDir);
  return trees_.emplace(key, std::move(tree)).first->second;
}

std::string LayerImporter::next_dir() {
  return "layer-" + std::to_string(dirs_++);
}

LayerKey LayerImporter::unpack(StoredLayer stored, const LayerInput& input,
                               const std::vector<LayerKey>& below) {
  const std::string dir = next_dir();
  make_dir_at(staging_.dir(), dir.c_str(), 0755);
  const UniqueFd layer_dir = open_beneath(staging_.dir(), RelPath::parse(dir), kOpenDir);
  progress_.begin(input.title, input.progress_bytes);
  std::uint64_t told = 0;
  auto [layer, stored_bytes] =
      unpack_confined(std::move(stored), layer_dir, limits_, store_.identity(), progress_,
                      [&](std::uint64_t tar_bytes, std::uint64_t stored_so_far) {
                        progress_.advance(stored_so_far);
                        early_.unpacked(tar_bytes - std::exchange(told, tar_bytes));
                      });
  progress_.end();
  fault_point("import.after_unpack");
  if (input.diff_id && layer.diff_id != *input.diff_id)
    throw Error(ErrorKind::corrupt, "its content has the DiffID " + layer.diff_id.str() +
                                        ", and the image config says " + input.diff_id->str());
  if (!input.diff_id && !layer.end_marked)
    throw Error(ErrorKind::corrupt,
                "the tar has no end-of-archive blocks: it was cut short between "
                "two entries, or its producer left them out")
        .set_hint("when it is whole: (cat TAR; head -c 1024 /dev/zero) | layerbox pull-tar -");
  for (const std::string& warning : layer.warnings)
    progress_.warn(input.title + ": " + warning);

  LayerKey key{layer.diff_id, std::nullopt};
  if (!layer.implied.empty() && !below.empty()) {
    const UniqueFd tree = open_beneath(layer_dir, RelPath::parse(layout::kTree), kOpenDir);
    if (adopt(tree, layer.implied, below)) key.below = chain_of(below);
  }
  if (implied_of(key)) { // never replace a tree that containers may stand on
    remove_tree(staging_.dir(), dir.c_str());
    return key;
  }
  const LayerRow row{key,
                     layer.size_bytes,
                     layer.tar_bytes,
                     input.source_bytes != 0 ? input.source_bytes : stored_bytes,
                     layer.entries,
                     static_cast<std::int64_t>(std::time(nullptr))};
  write_descriptor(layer_dir, {row, layer.implied, layer.unheld});
  staged_.emplace(key, Staged{dir, row, std::move(layer.implied), false});
  order_.push_back(key);
  return key;
}

void LayerImporter::forget(const LayerKey& key) {
  if (staged_.contains(key)) drop(key);
}

void LayerImporter::lock_unpacked() {
  const std::vector<LayerKey> unpacked = order_;
  for (const LayerKey& key : unpacked) {
    if (std::find(locked_.begin(), locked_.end(), key.diff_id) != locked_.end()) continue;
    locks_.push_back(store_.layer_lock(key.diff_id));
    locked_.push_back(key.diff_id);
    if (is_whole(key)) drop(key);
  }
}

void LayerImporter::drop(const LayerKey& key) {
  const auto staged = staged_.find(key);
  trees_.erase(key);
  remove_tree(staging_.dir(), staged->second.dir.c_str());
  staged_.erase(staged);
  std::erase(order_, key);
}

void LayerImporter::commit() {
  if (staged_.empty()) return;
  early_.finish();
  syncfs_fd(staging_.dir(), "the store");
  fault_point("import.after_sync");
  std::vector<Store::StagedLayer> layers;
  for (const LayerKey& key : order_)
    layers.push_back({key, staged_.at(key).dir});
  store_.commit_layers(layers, staging_.dir());
}

std::vector<LayerRow> LayerImporter::take_new_rows(const std::vector<LayerKey>& keys) {
  std::vector<LayerRow> rows;
  for (const LayerKey& key : keys) {
    const auto staged = staged_.find(key);
    if (staged == staged_.end() || std::exchange(staged->second.row_taken, true)) continue;
    rows.push_back(staged->second.row);
  }
  return rows;
}

LayerRow LayerImporter::row(const LayerKey& key) {
  if (const auto staged = staged_.find(key); staged != staged_.end()) return staged->second.row;
  if (auto row = store_.catalog().layer(key)) return *row;
  throw Error(ErrorKind::not_found, "layer " + key.str() + " is not in the store any more");
}

} // namespace layerbox
