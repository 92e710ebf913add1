// capability_flags: --cap-add and --cap-drop on top of the defaults, with docker's rules.
// Source: capabilities(7); moby oci/caps/utils.go describes ALL.
#pragma once

#include <string>
#include <vector>

namespace layerbox {

// "CAP_CHOWN" …, every capability of Linux up to 6.x, in the order of their numbers.
std::vector<std::string> all_capabilities();

// `add` and `drop` hold names with or without "CAP_", in any case, or ALL. ALL dropped: what is
// added remains. ALL added: all but what is dropped. Throws UsageError for an unknown name.
std::vector<std::string> merge_capabilities(const std::vector<std::string>& defaults,
                                            const std::vector<std::string>& add,
                                            const std::vector<std::string>& drop);

} // namespace layerbox
