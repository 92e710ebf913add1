// verify_layers: all layers of a store, as verify_layer() does each, two at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/progress.hpp"
#include "layers/verify/verify_layer.hpp"

namespace layerbox {

// What was found of layer 0 … count - 1, in that order. `layer` says what each is. As soon as one
// cannot be compared no other is begun, and that is thrown. Threads: `layer` is called in several.
std::vector<VerifiedLayer>
verify_layers(const Store& store, std::size_t count,
              const std::function<LayerToVerify(std::size_t number)>& layer, FdRef staging,
              VerifyDepth depth, Progress& progress);

} // namespace layerbox
