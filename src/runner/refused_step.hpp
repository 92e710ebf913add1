// refused_step: why the kernel refused a step of a container's set-up, where its errno alone does
// not say so: a wall around layerbox, a place that is covered, a limit that is met.
//
// Facts are gathered after a refusal, and only those that the errno asks for; the judgement over
// them is pure.
#pragma once

#include "base/userns.hpp"
#include "base/userns_refusal.hpp"
#include "runner/child.hpp"
#include "runner/plan.hpp"
#include "runner/proc_view.hpp"

namespace layerbox {

struct RefusalFacts {
  UsernsFacts userns;
  ProcView proc;
};

// Throws nothing.
RefusalFacts refusal_facts(const ChildReport& report) noexcept;

// Both empty when nothing is known beyond the errno.
Cause why_step_failed(const Step& step, const ChildReport& report, const RefusalFacts& facts);

} // namespace layerbox
