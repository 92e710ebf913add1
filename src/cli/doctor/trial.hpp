// trial: something tried for doctor, whose failure is a fact and no error.
#pragma once

#include <functional>

#include "base/unique_fd.hpp"
#include "cli/doctor/facts.hpp"

namespace layerbox::doctor {

// Does `work` here. What it throws is what the trial says.
Trial try_here(const std::function<void()>& work);
// Does it in a process of its own; with `ns`, as the root of that user namespace.
Trial try_in_process(const std::function<void()>& work);
Trial try_in_user_namespace(FdRef ns, const std::function<void()>& work);

// Throws Error("WHAT: …") when `result`, of a system call, is below 0.
void check(long result, const char* what);

} // namespace layerbox::doctor
