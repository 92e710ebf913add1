// labels: K=V as people write it.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace layerbox {

// "K" alone has an empty value; the last one of a key counts. Throws UsageError that names `verb`.
std::map<std::string, std::string> parse_labels(const std::string& verb,
                                                const std::vector<std::string>& texts);

} // namespace layerbox
