#include "layers/tree/implied_directories.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/xattr.hpp"
#include "layers/tree/dir_reader.hpp"
#include "layers/tree/metadata_writer.hpp"

namespace layerbox {
namespace {

constexpr int kDirFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// What one layer says of a directory to the layers above it.
enum class Says : std::uint8_t {
  has_it,
  nothing,   // ask the layer below
  not_there, // and the layers below are hidden
};

struct Answer {
  Says says = Says::nothing;
  UniqueFd dir;
};

// Walks down one layer. A whiteout, or anything else that is no directory, hides what is below it;
// so does an opaque directory for all it does not have itself.
Answer ask(FdRef layer, const RelPath& path) {
  UniqueFd at = open_beneath(layer, RelPath(), kDirFlags);
  bool opaque = is_opaque_dir(at);
  for (const std::string_view part : path.components()) {
    const RelPath name = RelPath::parse(part);
    const auto status = try_stat_at(at, name.c_str());
    if (!status) return {opaque ? Says::not_there : Says::nothing, {}};
    if (!S_ISDIR(status->st_mode)) return {Says::not_there, {}};
    at = open_beneath(at, name, kDirFlags);
    opaque = opaque || is_opaque_dir(at);
  }
  return {Says::has_it, std::move(at)};
}

UniqueFd topmost(std::span<const FdRef> below, const RelPath& path) {
  for (const FdRef layer : below) {
    Answer answer = ask(layer, path);
    if (answer.says == Says::has_it) return std::move(answer.dir);
    if (answer.says == Says::not_there) break;
  }
  return {};
}

// Whether a directory above `path` in its own tree hides all that the layers below have in it.
bool hidden_by_own_tree(FdRef tree, const RelPath& path) {
  if (path.is_top()) return false;
  RelPath above;
  UniqueFd at = open_beneath(tree, above, kDirFlags);
  if (is_opaque_dir(at)) return true;
  const RelPath parent = path.parent();
  for (const std::string_view part : parent.components()) {
    at = open_beneath(at, RelPath::parse(part), kDirFlags);
    if (is_opaque_dir(at)) return true;
  }
  return false;
}

[[noreturn]] void fail_implied(const char* what, const RelPath& path) {
  const int error_number = errno;
  throw_errno(error_number, std::string(what) + " '" + printable(path.str()) + "'");
}

void wear(FdRef dir, const RelPath& path, const Metadata& wanted, const Metadata& now) {
  if ((wanted.uid != now.uid || wanted.gid != now.gid) &&
      ::fchown(dir.get(), wanted.uid, wanted.gid) != 0)
    fail_implied("set owner of", path);
  if (::fchmod(dir.get(), wanted.mode) != 0) fail_implied("set mode of", path);
  for (const auto& [key, value] : wanted.xattrs)
    set_xattr(dir, "", key, value);
  set_times(dir, wanted.mtime, path);
}

// What a directory of the tree is to look like, and does not.
struct Adoption {
  RelPath path;
  Metadata wanted;
  Metadata now;
};

std::vector<Adoption> adoptions(FdRef tree, const std::vector<RelPath>& implied,
                                std::span<const FdRef> below) {
  std::vector<Adoption> found;
  for (const RelPath& path : implied) {
    if (hidden_by_own_tree(tree, path)) continue;
    const UniqueFd model = topmost(below, path);
    if (!model) continue;
    const UniqueFd dir = open_beneath(tree, path, kDirFlags);
    Metadata now = read_metadata(dir, "", stat_fd(dir));
    Metadata wanted = read_metadata(model, "", stat_fd(model));
    Metadata compared = wanted;
    // The top's time alone is no reason to tie a layer to its chain: hardly any archive of a layer
    // mentions the top, and then none could be shared.
    if (path.is_top()) compared.mtime = now.mtime;
    if (compared != now) found.push_back({path, std::move(wanted), std::move(now)});
  }
  return found;
}

} // namespace

bool adopt_implied_directories(FdRef tree, const std::vector<RelPath>& implied,
                               std::span<const FdRef> below) {
  std::vector<Adoption> found = adoptions(tree, implied, below);
  // From below: who is not root may not pass one that has got mode 0.
  std::sort(found.begin(), found.end(),
            [](const Adoption& a, const Adoption& b) { return a.path > b.path; });
  for (const Adoption& one : found)
    wear(open_beneath(tree, one.path, kDirFlags), one.path, one.wanted, one.now);
  return !found.empty();
}

} // namespace layerbox
