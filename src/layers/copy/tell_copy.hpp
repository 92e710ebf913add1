// tell_copy: what cp takes, told as a tar in the way of docker's: a file or a directory under its
// base name, the content of a directory as "./".
//
// Names are looked up by who calls: on the host as open(2) does it; in a container as if its root
// were "/". What is read may change meanwhile, and may be made to hinder: nothing is opened for
// reading but regular files, without waiting; what goes away while a directory is read was not
// there. Sockets are left out, and so is what is in /proc and its like.
#pragma once

#include <functional>
#include <string>

#include "base/unique_fd.hpp"
#include "layers/copy/copy_name.hpp"
#include "layers/copy/covered_places.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

// Takes a name and flags of open(2). Throws Error.
using OpenName = std::function<UniqueFd(const std::string& name, int flags)>;

OpenName open_on_host();
OpenName open_in_container(FdRef root); // `root` is borrowed

struct CopySource {
  CopyName name;
  bool follows_link = false; // a symlink that the name itself is
  // The ids by which the other side knows an owner; may be empty: as they are.
  std::function<void(Metadata&)> translate_owner = {};
};

// finish() of `sink` is called at the end. Throws Error(not_found), and what `sink` throws.
void tell_copy(const OpenName& open, const CopySource& source, const CoveredPlaces& covered,
               TreeSink& sink);

} // namespace layerbox
