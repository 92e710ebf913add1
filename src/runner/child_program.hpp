// child_program: a Plan in the shape that the child can execute: flat arrays of C strings and
// descriptors, in memory that the child has, too. All of it is taken here; the child takes none.
#pragma once

#include <vector>

#include "base/unique_fd.hpp"
#include "runner/child.hpp"
#include "runner/plan.hpp"
#include "runner/program_memory.hpp"

namespace layerbox {

class ChildProgram {
 public:
  // The steps from number `first` on. `clones`: one descriptor for each of plan.clones;
  // `entrances`: one for each of plan.cgroups. `memory` and the descriptors must outlive it. Throws
  // Error(limit_exceeded).
  ChildProgram(const Plan& plan, const std::vector<UniqueFd>& clones,
               const std::vector<UniqueFd>& entrances, ProgramMemory& memory,
               std::size_t first = 0);
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  // The launcher adds its pipes.
  ChildContext& context() { return context_; }
  // Writes the launcher's descriptor `fd`, or -1, to `place`, which is part of the program.
  void name_fd(int& place, FdRef fd);
  // Where the program names descriptors, for a child that has not inherited them.
  struct FdName {
    int* place;
    int fd;
  };
  const std::vector<FdName>& fd_names() const { return fd_names_; }

 private:
  void write_op(ChildOp& op, const Step& step, const std::vector<UniqueFd>& clones,
                const std::vector<UniqueFd>& entrances);
  char** keep_list(const std::vector<std::string>& words, std::size_t spare);
  std::span<const ChildIdRange> keep_ranges(const std::vector<IdRange>& map);

  ProgramMemory& memory_;
  ChildContext& context_;
  std::vector<FdName> fd_names_;
};

} // namespace layerbox
