#include "tests/layers/backend/temporary_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/backend/as_store_owner.hpp"

namespace layerbox::test {

namespace {

std::string make_directory(const std::string& parent) {
  std::string path = parent + "/layerbox-backend-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw_errno(errno, path);
  return path;
}

} // namespace

TemporaryStore::TemporaryStore(const std::string& parent)
    : path_(make_directory(parent)), store_(Store::open(path_ + "/store", current_identity())) {}

TemporaryStore::~TemporaryStore() {
  try {
    const std::filesystem::path path(path_);
    const UniqueFd parent = open_path(path.parent_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    as_store_owner_when_refused(store_->identity(),
                                [&] { remove_tree(parent, path.filename().c_str()); });
  } catch (const Error& error) {
    fmt::print(stderr, "{} was left: {}\n", path_, error.what());
  }
}

LayerBuilder ChainBuilder::layer() {
  const Digest diff_id = sha256(fmt::format("{} {}", name_, keys_.size()));
  keys_.push_back(LayerKey{diff_id, std::nullopt});
  const std::string dir = store_.path() + "/" + layout::layer_dir(keys_.back());
  if (::mkdir(dir.c_str(), 0700) != 0) throw_errno(errno, dir);
  return LayerBuilder(store_.path() + "/" + layout::layer_tree(keys_.back()));
}

ContainerLease new_container(const Store& store, std::span<const LayerKey> layers) {
  ContainerState state;
  state.id = new_container_id();
  state.layers.assign(layers.begin(), layers.end());
  const RangeLock gate = store.gate(LockMode::shared);
  return ContainerLease::create(store, state);
}

std::string why_not(Needs needs, const std::string& directory) {
  if (needs == Needs::nothing) return "";
  const std::string file = directory + "/attempt";
  int result = -1;
  switch (needs) {
  case Needs::ids: {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    result = ::fchown(fd.get(), 2'000'000'000, 1000);
    break;
  }
  case Needs::devices:
    result = ::mknod(file.c_str(), S_IFCHR | 0600, makedev(1, 3));
    break;
  case Needs::trusted_xattrs:
    result = ::setxattr(directory.c_str(), "trusted.attempt", "", 0, 0);
    break;
  case Needs::long_symlinks:
    result = ::symlink(std::string(kLongSymlink, 'x').c_str(), file.c_str());
    break;
  case Needs::nothing:
    break;
  }
  const int e = errno;
  ::unlink(file.c_str());
  return result == 0 ? "" : errno_text(e);
}

std::string capability_of(Needs needs) {
  if (needs == Needs::long_symlinks) return "long_symlinks"; // the file system's, not the user's
  return needs == Needs::nothing ? "" : "root";
}

bool must_run(const std::string& capability) {
  const char* list = ::getenv("LAYERBOX_TESTS_MUST_RUN");
  if (list == nullptr) return false;
  return ("," + std::string(list) + ",").find("," + capability + ",") != std::string::npos;
}

} // namespace layerbox::test
