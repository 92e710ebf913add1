// try_unpack: unpacks one plain tar by hand, for trials and measurements.
//
//     try_unpack unpack TAR STAGING NAME     → STAGING/NAME/{tree,record}; prints what was found
//     try_unpack rebuild STAGING/NAME        → the tar on standard output
//     try_unpack text DIRECTORY              → the tree as text
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tar/unpack_layer.hpp"
#include "layers/tree/tree_text.hpp"

using namespace layerbox;

namespace {

UniqueFd open_directory(const std::string& path) {
  return open_path(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void unpack(const std::string& tar, const std::string& staging, const char* name) {
  const UniqueFd file = tar == "-" ? UniqueFd(::dup(0)) : open_path(tar, O_RDONLY | O_CLOEXEC);
  FdSource source(file, tar);
  const UnpackedLayer layer =
      unpack_layer(source, make_or_open_dir_at(open_directory(staging), name, 0755), ImportLimits{},
                   current_identity(), nullptr);
  fmt::print("{} tar={} size={} entries={} implied={}\n", layer.diff_id.str(), layer.tar_bytes,
             layer.size_bytes, layer.entries, layer.implied.size());
  for (const std::string& warning : layer.warnings)
    fmt::print("warning: {}\n", warning);
}

void rebuild(const std::string& layer) {
  const UniqueFd dir = open_directory(layer);
  FdSink out(FdRef(1), "standard output");
  rebuild_tar(open_beneath(dir, RelPath::parse("record"), O_RDONLY),
              open_beneath(dir, RelPath::parse("tree"), O_RDONLY | O_DIRECTORY), out);
}

} // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  try {
    if (verb == "unpack" && argc == 5)
      unpack(argv[2], argv[3], argv[4]);
    else if (verb == "rebuild" && argc == 3)
      rebuild(argv[2]);
    else if (verb == "text" && argc == 3)
      fmt::print("{}", tree_text(open_directory(argv[2])));
    else
      return 2;
  } catch (const Error& error) {
    fmt::print(stderr, "try_unpack: {}\n", error.what());
    return 1;
  }
  return 0;
}
