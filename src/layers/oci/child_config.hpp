// child_config: the config of an image that is made from another.
//
// All that the parent says stays, also fields that nobody here knows, but for what tells of its
// making alone (docker's "container", "container_config", "docker_version", "id", "parent"). The
// history gets one step more; steps that the parent's history lacks are filled in, so that each
// layer keeps its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layers/oci/image_config.hpp"

namespace layerbox {

struct ChildImage {
  std::vector<Digest> diff_ids;     // of all its layers, bottom first
  ImageHistory step;                // the last one; its `created` is the image's
  bool earlier_layers_gone = false; // the steps before made none of the layers that are there now
  std::vector<std::string> changes; // instructions, as config_instructions.hpp reads them
};

// Throws Error(invalid_argument) for an instruction that is none, and for text that is not UTF-8.
std::string child_config_bytes(const ImageConfig& parent, const ChildImage& child);
// The same for the instructions alone: what is misspelt is said before anything is done.
void check_instructions(const std::vector<std::string>& changes);

} // namespace layerbox
