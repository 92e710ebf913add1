// device_flags: --device HOST[:INSIDE[:ACCESS]].
//
//     --device /dev/fuse                      the same name inside, read and written
//     --device /dev/loop0:/dev/xvda:r         a list of devices lets it be read alone
//
// Root's containers get a node of their own (runner/device_nodes.hpp). An ordinary user's get the
// host's, with the rights that he has himself; a node that he may open only by a group of his does
// not open inside, where he has no groups, and is refused here.
#pragma once

#include <string>
#include <vector>

#include "base/userns.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

// Throws UsageError for what is no such flag.
DeviceSpec parse_device(const std::string& text);

// Puts the devices of the flags into `spec`, and into its list of devices where there is one or an
// access is to be refused. Looks at the nodes. Throws UsageError, and Error for a node that is not
// there, is none, or that `identity` may not open.
void apply_devices(RunSpec& spec, const std::vector<std::string>& flags, const Identity& identity);

} // namespace layerbox
