// peers: other programs on this machine that start containers, measured on the same root file
// system: bubblewrap, runc and podman, those that are installed.
//
// All that is made for them lies in the probe's staging directory, and root's live in a mount
// namespace of bench's own: so nothing of theirs stays, whatever happens to them or to bench. One
// that fails is left out from then on. They have their starts measured and nothing else: how they
// make a root file system is not theirs alone to say.
//
// podman keeps its storage there as well, and as root alone: for others it leaves a process.
#pragma once

#include <memory>
#include <vector>

#include "cli/bench/measure.hpp"
#include "cli/bench/subject.hpp"

namespace layerbox::bench {

// Those that work here get a turn; those that are not there, or do not work, go to `left_out`,
// with the reason.
std::vector<std::unique_ptr<Turn>> peer_turns(Store& store, const Subject& subject,
                                              const PlacedProbe& probe, const Wish& wish,
                                              std::vector<Contender>& left_out);

} // namespace layerbox::bench
