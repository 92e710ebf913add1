// probe_memory: that a backend has worked here, remembered in derived/<backend>/probe for this
// kernel, file system and kind of user, so that `--backend auto` costs a start four system calls.
// That one did not work is never remembered.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "layers/backend/backend.hpp"

namespace layerbox {

// That `backend` works: as it was remembered, or because `attempt`, which may fill the directory it
// is given, did not throw. `reason` is what the attempt shows. What hinders the remembering hinders
// nothing else: it saves time. Throws Error, and what `attempt` throws.
BackendProbe probe_once(const Store& store, std::string_view backend, Remember remember,
                        const std::function<void(FdRef staging)>& attempt, std::string reason);

} // namespace layerbox
