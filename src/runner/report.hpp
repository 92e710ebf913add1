// report: the child's few bytes as a sentence for people.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/userns.hpp"
#include "runner/child.hpp"
#include "runner/plan.hpp"
#include "runner/refused_step.hpp"

namespace layerbox {

// Whether the command itself could not be executed (then it is the command's failure), rather than
// the container not be made.
bool is_command_failure(const ChildReport& report);

// 127 for a command that was not found, 126 for one that could not be executed.
int command_exit_status(const ChildReport& report);

// For a volume whose source is not there.
std::string missing_source_hint(std::string_view path);

// What failed, on which object, why; with a hint where there is something to do. Pure: `facts` are
// refusal_facts().
Error report_error(const Plan& plan, const ChildReport& report, const Identity& identity,
                   const RefusalFacts& facts);

} // namespace layerbox
