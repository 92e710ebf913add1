// backend_choice: why `--backend auto` takes the backend it takes, and not the others, in words.
#pragma once

#include <string>
#include <vector>

#include "layers/backend/measurements.hpp"

namespace layerbox {

struct BackendFact {
  std::string name;
  BackendProbe probe;
  bool chosen = false;
  std::string why; // it is, or is not
};

// All of the table, in its order, as choose_backend("auto") sees them. Pure but for the probes.
std::vector<BackendFact> explain_backends(const Store& store, const Evidence& evidence);

// "measured by 'layerbox bench' on 2026-11-28 …", or why nothing measured counts.
std::string evidence_words(const Evidence& evidence);

} // namespace layerbox
