// covered_places: the names of a root file system on which something is mounted when its container
// runs. While it does not run, what is written there is what the container will never see.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {

class CoveredPlaces {
 public:
  CoveredPlaces() = default; // none
  // Those of `names`, absolute names inside, that are there. Requires that what `root` shows does
  // not change meanwhile. Throws Error.
  CoveredPlaces(FdRef root, const std::vector<std::string>& names);

  // Throws Error(unsupported) when the directory `dir`, or what is called `name` in it, is such a
  // place or lies in one. "" is `dir` itself.
  void require_seen(FdRef dir, const char* name) const;

 private:
  using Key = std::pair<dev_t, ino_t>;
  void require_not(const struct stat& status) const;

  std::map<Key, std::string> places_;
  std::vector<UniqueFd> held_; // so that their numbers stay theirs
  Key root_{};
};

} // namespace layerbox
