#include "layers/container_parts.hpp"

#include <fcntl.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/backend/backend.hpp"
#include "layers/backend/copy_tree.hpp"
#include "store/layout.hpp"
#include "store/private_dir.hpp"

namespace layerbox {

std::vector<std::string> parts_in(const Store& store, const std::string& backend, FdRef home) {
  if (backend.empty())
    throw Error(ErrorKind::unsupported,
                "it runs on a directory of yours (--rootfs), of which layerbox has no layers");
  std::vector<std::string> names;
  const WrittenTree written = open_backend_named(store, backend)->written(home);
  if (written.dir) names.push_back(written.name);
  if (try_stat_at(home, layout::kOwnVolumes)) names.emplace_back(layout::kOwnVolumes);
  return names;
}

void copy_parts(const Store& store, const std::string& backend, FdRef home, Activity activity,
                FdRef to, Progress& progress) {
  progress.begin("copying what the container wrote", 0);
  for (const std::string& name : parts_in(store, backend, home)) {
    const UniqueFd from = open_beneath(home, RelPath::parse(name), kOpenDir);
    make_private_dir(to, name.c_str());
    copy_tree_as_it_lies(from, activity, open_beneath(to, RelPath::parse(name), kOpenDir),
                         progress);
  }
  progress.end();
}

} // namespace layerbox
