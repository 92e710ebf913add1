// signal_names: signals as people, flags and image configs write them, and as the kernel counts
// them.
//
//     parse_signal("TERM"), ("SIGTERM"), ("sigterm"), ("15")  == 15
//     parse_signal("RTMIN+3"), ("SIGRTMIN+3"), ("37")         == 37
//     signal_name(15) == "SIGTERM"
//
// Source: signal(7). The first two real-time signals of the kernel (32 and 33) are the C library's:
// SIGRTMIN is 34, in programs of glibc; they have no name.
#pragma once

#include <string>
#include <string_view>

namespace layerbox {

// Throws UsageError that says how signals are written.
int parse_signal(std::string_view text);

std::string signal_name(int signal);

} // namespace layerbox
