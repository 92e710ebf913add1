// landlock_flags: what stands after --security-opt landlock=
//
//     r:PATH  w:PATH  x:PATH  ro:PATH (read and execute, as a read-only volume)  rw:PATH (all
//     three) connect:PORT    bind:PORT    scope
#pragma once

#include <string>
#include <string_view>

#include "runner/landlock_spec.hpp"

namespace layerbox {

// One more rule, `text`, for `spec`. Throws UsageError.
void add_landlock_rule(LandlockSpec& spec, const std::string& text);

} // namespace layerbox
