// name_log: the names of images once more, in plain text. All else that the database knows can be
// read from the directories; names stand nowhere else, and come back from here when a database that
// was damaged is made anew.
//
//     sha256:<hex> NAME:TAG     from now on the name is this image's
//     - NAME:TAG                it is nobody's
//
// One line a change; the last one of a name counts, and a line that is none of the two does not.
// Writers hold a write transaction of the database, so they come one after the other, in its order.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.hpp"

namespace layerbox {

using ImageNames = std::map<std::string, Digest>;
using NameChange = std::pair<std::string, std::optional<Digest>>; // nothing: nobody's

class NameLog {
 public:
  // Each time that it has become so much longer, and most of it does not count any more, it is
  // written anew.
  static constexpr std::size_t kLongBytes = std::size_t{256} << 10;

  explicit NameLog(std::string path) : path_(std::move(path)) {}

  // What it says; nothing where there is none. Throws Error.
  std::optional<ImageNames> read() const;
  // Those of `names` that it has never said; of a store that is older than its log, none. The last
  // word on a name may be that of a change that was cut off before the database had it. Throws
  // Error.
  std::vector<std::string> missing(ImageNames names) const;
  // Adds changes, durably. `all` says which names there are with them; it is asked where there is
  // no log yet, and once in kLongBytes. Throws Error.
  void add(const std::vector<NameChange>& changes, const std::function<ImageNames()>& all) const;
  // Makes it say `all`, durably. Throws Error.
  void replace(const ImageNames& all) const;

 private:
  // False where there is none.
  bool read_lines(const std::function<void(const NameChange&)>& say) const;

  std::string path_;
};

} // namespace layerbox
