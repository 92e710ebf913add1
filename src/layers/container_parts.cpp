#include "layers/container_parts.hpp"

#include <fcntl.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/subvolume.hpp"
#include "layers/backend/backend.hpp"
#include "layers/backend/copy_tree.hpp"
#include "layers/tree/dir_writer.hpp"
#include "layers/view/compare_views.hpp"
#include "store/layout.hpp"
#include "store/private_dir.hpp"

namespace layerbox {
namespace {

WrittenTree written_in(const Store& store, FdRef home, const std::string& backend) {
  if (backend.empty())
    throw Error(ErrorKind::unsupported,
                "it runs on a directory of yours (--rootfs), of which layerbox has no layers");
  return open_backend_named(store, backend)->written(home);
}

UniqueFd make_top(FdRef dir, const std::string& name, Lies lies) {
  if (lies == Lies::in_subvolume)
    create_subvolume(dir, name.c_str());
  else
    make_private_dir(dir, name.c_str());
  return open_beneath(dir, RelPath::parse(name), kOpenDir);
}

void copy_as_it_lies(const WrittenTree& from, Activity activity, FdRef to,
                     const WrittenTree& wanted, Progress& progress) {
  const FdRef tree = *from.dir;
  // A snapshot would show subvolumes that the container made in it as empty directories.
  if (wanted.lies == Lies::in_subvolume && is_subvolume(tree) && !holds_subvolumes(tree)) {
    snapshot_subvolume(tree, to, wanted.name.c_str());
    return;
  }
  copy_tree_as_it_lies(tree, activity, make_top(to, wanted.name, wanted.lies), progress);
}

// All that is seen, in the place of what is above the image.
void copy_all_that_is_seen(WrittenTree from, const RootfsView& image, FdRef to,
                           const WrittenTree& wanted, Progress& progress) {
  const std::string name = from.name;
  copy_tree(seen_with(std::move(from), name, image), make_top(to, wanted.name, wanted.lies),
            progress);
}

// What differs from the image, in the place of all that is seen.
void copy_changes(const Store& store, WrittenTree from, const RootfsView& image, FdRef to,
                  const WrittenTree& wanted) {
  const UniqueFd top = make_top(to, wanted.name, wanted.lies);
  const std::string name = from.name;
  const RootfsView seen = seen_with(std::move(from), name, image);
  DirWriter writer(top, store.identity(), {});
  tell_changes(image, seen, store.identity(), writer);
  copy_directory_metadata(*seen.trees.front().fd, top);
}

} // namespace

PartsOf parts_of_snapshot(const Store& store, FdRef snapshot, const std::string& backend) {
  if (written_in(store, snapshot, backend).dir) return {snapshot, backend};
  for (const BackendEntry& entry : backends())
    if (entry.open(store)->written(snapshot).dir) return {snapshot, std::string(entry.name)};
  return {snapshot, backend};
}

std::vector<std::string> parts_in(const Store& store, const PartsOf& of) {
  std::vector<std::string> names;
  const WrittenTree written = written_in(store, of.home, of.backend);
  if (written.dir) names.push_back(written.name);
  if (try_stat_at(of.home, layout::kOwnVolumes)) names.emplace_back(layout::kOwnVolumes);
  return names;
}

bool copy_written_tree(const Store& store, const PartsOf& from, std::span<const LayerKey> layers,
                       const std::string& backend, FdRef to, Progress& progress) {
  WrittenTree tree = written_in(store, from.home, from.backend);
  if (!tree.dir) return false;
  const WrittenTree wanted = written_in(store, to, backend);
  if (tree.stands == wanted.stands && tree.dialect == wanted.dialect) {
    copy_as_it_lies(tree, from.activity, to, wanted, progress);
    return true;
  }
  const RootfsView image = view_of(store, layers, Records::unread);
  if (wanted.stands == Stands::alone)
    copy_all_that_is_seen(std::move(tree), image, to, wanted, progress);
  else
    copy_changes(store, std::move(tree), image, to, wanted);
  return true;
}

void copy_parts(const Store& store, const PartsOf& from, std::span<const LayerKey> layers,
                const std::string& backend, FdRef to, Progress& progress) {
  progress.begin("copying what the container wrote", 0);
  copy_written_tree(store, from, layers, backend, to, progress);
  if (const auto volumes =
          try_open_beneath(from.home, RelPath::parse(layout::kOwnVolumes), kOpenDir))
    copy_tree_as_it_lies(*volumes, from.activity,
                         make_top(to, layout::kOwnVolumes, Lies::in_directory), progress);
  progress.end();
}

} // namespace layerbox
