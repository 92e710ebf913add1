// replaced_files: where files go that a later entry of the same tar replaces, until the record can
// take their content.
//
// While the tar is read, the record says of each file "its content lies at this path". When the
// path is given to something else, the old file is moved into a directory beside the tree, with a
// note of how many contents the record had by then. At the end, if there is any such file, the
// record is written anew: contents that moved stand in it themselves.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/digest.hpp"
#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "layers/tar/layer_record.hpp"

#include <sys/stat.h>

namespace layerbox {

class ReplacedFiles {
 public:
  static constexpr std::uint64_t kDefaultMax = 100'000; // bounds the memory of the notes

  // `layer` is the layer's directory in the staging area; `max` the number of files.
  explicit ReplacedFiles(FdRef layer, std::uint64_t max = kDefaultMax) : layer_(layer), max_(max) {}

  // Moves `name` in `dir`, which stood at `path` of the tree, out of the way. `contents` is what
  // the record has so far. Throws Error(limit_exceeded) past the limit.
  void take(FdRef dir, const char* name, const RelPath& path, const struct stat& status,
            std::uint64_t contents);
  bool any() const { return !notes_.empty(); }
  // Copies `from` to `to`, with the content of moved files in it.
  void settle(RecordReader& from, RecordWriter& to);
  // Removes the moved files.
  void remove();

 private:
  struct Note {
    std::uint64_t contents;
    std::uint64_t number; // the file's name
  };
  void put_raw(std::uint64_t number, const RecordItem& item, RecordWriter& to);

  FdRef layer_;
  std::uint64_t max_;
  UniqueFd shadow_;
  std::uint64_t count_ = 0;
  std::unordered_map<Digest, std::vector<Note>> notes_; // by sha256 of the path, ascending
};

} // namespace layerbox
