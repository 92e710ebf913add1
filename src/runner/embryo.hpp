// embryo: a container's process that is there before it is known what it will run. While the
// launcher looks up the image and makes directories, the process makes its network namespace, which
// takes the kernel longer than everything else between clone3(2) and execve(2).
//
//     std::unique_ptr<Embryo> embryo = Embryo::begin(own_namespaces(spec));
//     ... the image, the container's directory, the plan …
//     if (embryo && embryo->fits(plan)) embryo->hatch(program);
//
// It is nothing but a head start: who has none, or whose embryo fails, makes the process in the
// ordinary way, and is told there why that cannot be done.
#pragma once

#include <cstdint>
#include <memory>

#include "base/unique_fd.hpp"
#include "runner/birth.hpp"
#include "runner/child_program.hpp"
#include "runner/plan.hpp"
#include "runner/program_memory.hpp"

namespace layerbox {

class Embryo {
 public:
  // Requires descriptors 0 to 2 open. None where no process is to be had, or where `namespaces`
  // (CLONE_NEW*) are not a user namespace with a network of its own below it. Its signals are
  // blocked; it ends with the launcher.
  static std::unique_ptr<Embryo> begin(std::uint64_t namespaces) noexcept;

  // Whether the process of `plan` is to have what this one has.
  bool fits(const Plan& plan) const;
  // The program's place.
  ProgramMemory& memory() { return memory_; }
  // Lets it run `program`, which lies in memory(), with the descriptors that this names. False when
  // it has ended, or there are too many of them for one message.
  bool hatch(ChildProgram& program);

  ChildProcess& process() { return process_; }
  UniqueFd& go() { return go_; }         // as Launched.go
  UniqueFd& report() { return report_; } // what is read from it is a ChildReport

 private:
  Embryo(std::uint64_t namespaces, ProgramMemory memory, ChildProcess process, UniqueFd go,
         UniqueFd report, const EmbryoContext& childs);

  std::uint64_t namespaces_;
  ProgramMemory memory_;
  ChildProcess process_;
  UniqueFd go_;
  UniqueFd report_;
  int childs_go_; // what the child calls its ends
  int childs_report_;
};

} // namespace layerbox
