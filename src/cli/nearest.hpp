// nearest: which of the known names a mistyped one may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

// "did you mean 'images' or 'inspect'?"; "" when nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

// Throws Error: there is no `kind` 'NAME', with the near one as its hint, else `hint`.
[[noreturn]] void throw_unknown(std::string_view kind, const std::string& name,
                                const std::vector<std::string>& known, const std::string& hint);

} // namespace layerbox
