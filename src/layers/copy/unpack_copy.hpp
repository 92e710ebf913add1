// unpack_copy: a tar put where cp is told to put it. The tar is one of tell_copy's, or anybody's.
//
// It is hostile until proven otherwise, also where another process of ours wrote it, as that one
// read what a container made of its files: nothing above the destination is touched, and below it
// no symlink is followed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/stream.hpp"
#include "layers/copy/copy_name.hpp"
#include "layers/copy/copy_writer.hpp"
#include "layers/copy/tell_copy.hpp"

namespace layerbox {

enum class CopyTar : std::uint8_t {
  told,    // by tell_copy of `base`
  foreign, // any; its entries go into the destination, which must be a directory
};

struct CopyDestination {
  CopyName name;
  CopyTar tar = CopyTar::told;
  std::string base;               // what CopySource's name says
  std::optional<CopyOwner> owner; // of all files; nothing: each its own
};

// Where a copy goes, by the rules of docker's cp: into a directory that is there, else to the name.
// Throws Error; then what was copied before stays. Corrupt for a tar that is none, or that is not
// what was told.
Unheld unpack_copy(Source& tar, const OpenName& open, const CopyDestination& destination,
                   const CoveredPlaces& covered);

} // namespace layerbox
