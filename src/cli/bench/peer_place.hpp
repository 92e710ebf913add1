// peer_place: where podman lives: a mount namespace that is gone with bench, and with it what
// podman mounts for its storage, and writes down in directories that it cannot be talked out of.
// Names of its storage must be short, too.
#pragma once

#include <functional>
#include <string>

#include "base/unique_fd.hpp"

namespace layerbox::bench {

class PeerPlace {
 public:
  // A mount namespace of root's, in which nothing propagates to others. `directory` has a short
  // name there, and /run and /var/lib are empty. Throws Error.
  explicit PeerPlace(FdRef directory);

  // Does `work` in there; what it starts is in there, too. It must not keep descriptors of files
  // that it opens for use outside. Throws what `work` throws, and Error.
  void in_there(const std::function<void()>& work) const;
  // The short name.
  const std::string& path() const { return path_; }

 private:
  UniqueFd namespace_;
  std::string path_;
};

} // namespace layerbox::bench
