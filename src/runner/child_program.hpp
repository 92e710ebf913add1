// child_program: a Plan in the shape that the child can execute: flat arrays of C strings and
// descriptors. All memory is taken here, before the clone; the child's copy of it is what it has.
#pragma once

#include <vector>

#include "base/unique_fd.hpp"
#include "runner/child.hpp"
#include "runner/plan.hpp"

namespace layerbox {

class ChildProgram {
 public:
  // Keeps pointers into `plan` and the numbers of `clones` (one descriptor for each of plan.clones)
  // and of `entrances` (one for each of plan.cgroups), which must outlive it.
  ChildProgram(const Plan& plan, const std::vector<UniqueFd>& clones,
               const std::vector<UniqueFd>& entrances);
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  // The launcher adds its pipes.
  ChildContext& context() { return context_; }

 private:
  void add_op(const Step& step, const std::vector<UniqueFd>& clones,
              const std::vector<UniqueFd>& entrances);
  const char* const* keep_list(const std::vector<std::string>& words);

  std::vector<ChildOp> ops_;
  std::vector<std::vector<const char*>> lists_;
  std::vector<char*> args_;
  std::vector<char*> env_;
  std::vector<ChildIdRange> uids_;
  std::vector<ChildIdRange> gids_;
  ChildContext context_;
};

} // namespace layerbox
