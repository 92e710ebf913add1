// nearest: which of the known names a mistyped one may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

// "did you mean 'images' or 'inspect'?"; "" when nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

} // namespace layerbox
