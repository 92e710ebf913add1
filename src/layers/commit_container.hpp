// commit_container: what a container changed, as one more layer, and an image that has it.
//
// The config is that of the container's image, with one step more in its history and what the
// instructions change: what `run` was told is the container's, and stays there. Where nothing was
// changed, the step is one without a layer, as docker has it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "layers/container_view.hpp"
#include "layers/derived_image.hpp"

namespace layerbox {

struct CommitOptions {
  ImageRef name;
  std::string created; // RFC 3339
  std::string message;
  std::string author;
  std::vector<std::string> changes; // as config_instructions.hpp reads them
};

// Requires that `staging` was made before `container` was opened, with Records::read. Throws Error;
// then nothing is visible.
MadeImage commit_container(Store& store, const Staging& staging, const ContainerView& container,
                           const CommitOptions& options, Progress& progress);

} // namespace layerbox
