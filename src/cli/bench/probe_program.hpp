// probe_program: the program that bench runs in containers (probe.c), as bytes.
#pragma once

#include <string_view>

namespace layerbox::bench {

// A static executable for this machine.
std::string_view probe_program();

} // namespace layerbox::bench
