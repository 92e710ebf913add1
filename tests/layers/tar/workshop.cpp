#include "tests/layers/tar/workshop.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "base/walk.hpp"
#include "base/xattr.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tree/dir_reader.hpp"
#include "layers/tree/tree_text.hpp"

namespace layerbox::test {
namespace {

constexpr int kDir = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// A file system in memory holds user attributes since Linux 6.6 only.
std::unique_ptr<TempDir> make_temporary(Workshop::Place place) {
  if (place == Workshop::Place::memory) {
    try {
      auto memory = std::make_unique<TempDir>(open_path("/dev/shm", kDir), "layerbox-tar-");
      set_xattr(memory->dir(), "", "user.probe", "1");
      return memory;
    } catch (const Error&) { // then not
    }
  }
  return std::make_unique<TempDir>("layerbox-tar-");
}

} // namespace

Identity root_identity() {
  Identity who;
  who.privilege = Privilege::root;
  who.store_map = IdMap::shifted(0, 0xFFFFFFFF);
  return who;
}

Workshop::Workshop(Place place) : temporary_(make_temporary(place)) {
  const FdRef top = temporary_->dir();
  make_dir_at(top, "staging", 0700);
  staging_ = open_beneath(top, RelPath::parse("staging"), kDir);
  make_dir_at(top, "canary", 0755);
  const UniqueFd canary = open_beneath(top, RelPath::parse("canary"), kDir);
  write_new_file(canary, "file", "untouched", 0644);
  make_dir_at(canary, "dir", 0750);
  const UniqueFd dir = open_beneath(canary, RelPath::parse("dir"), kDir);
  write_new_file(dir, "inner", "untouched too", 0600);
  before_ = surroundings();
}

// The names beside the staging directory, all of the canary tree, and the names in staging but the
// layer's.
std::string Workshop::surroundings() const {
  std::string text;
  for (const std::string& name : list_dir(temporary_->dir()))
    text += name + '\n';
  for (const std::string& name : list_dir(staging_))
    if (name != "layer") text += "staging/" + name + '\n';
  return text +
         layerbox::tree_text(open_beneath(temporary_->dir(), RelPath::parse("canary"), kDir));
}

std::string Workshop::harm() const {
  const std::string now = surroundings();
  return now == before_ ? "" : "before:\n" + before_ + "now:\n" + now;
}

UnpackedLayer Workshop::unpack(std::string_view tar, const ImportLimits& limits) {
  remove_tree(staging_, "layer");
  MemorySource source(tar);
  return unpack_layer(source, new_layer(), limits, root_identity(), nullptr);
}

UniqueFd Workshop::new_layer(const char* name) const {
  return make_or_open_dir_at(staging_, name, 0755);
}

UniqueFd Workshop::layer() const {
  return open_beneath(staging_, RelPath::parse("layer"), kDir);
}

UniqueFd Workshop::tree() const {
  return open_beneath(staging_, RelPath::parse("layer/tree"), kDir);
}

std::string Workshop::tree_text() const {
  return layerbox::tree_text(tree());
}

std::string Workshop::rebuilt() const {
  StringSink sink;
  const UniqueFd record = open_beneath(layer(), RelPath::parse("record"), O_RDONLY);
  rebuild_tar(record, tree(), sink);
  return sink.take();
}

} // namespace layerbox::test
