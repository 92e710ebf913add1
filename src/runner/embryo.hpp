// embryo: a container's process that is there before it is known what it will run. While the
// launcher looks up the image and makes directories, the process makes its network namespace, which
// takes the kernel longer than everything else between clone3(2) and execve(2), and mounts what
// does not depend on the rootfs.
//
//     std::unique_ptr<Embryo> embryo = Embryo::begin(own_namespaces(spec), cgroups);
//     ... the image, the ids …
//     if (embryo && !embryo->settle(compile_beginning(spec, facts), identity, cgroups))
//       embryo.reset();
//     ... the container's directory, the plan …
//     if (embryo && embryo->fits(plan)) embryo->hatch(program);
//
// It is nothing but a head start: who has none, or whose embryo fails, makes the process in the
// ordinary way, and is told there why that cannot be done.
#pragma once

#include <sched.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "runner/birth.hpp"
#include "runner/child_program.hpp"
#include "runner/launch_facts.hpp"
#include "runner/plan.hpp"
#include "runner/program_memory.hpp"

namespace layerbox {

class Embryo {
 public:
  // Requires descriptors 0 to 2 open. Born in `cgroups`, if there is one to be born in. None where
  // no process is to be had, or where `namespaces` (CLONE_NEW*) are not a user namespace with a
  // network of its own below it. Its signals are blocked; it ends soon after the launcher, and does
  // not have the descriptor `lock`.
  static std::unique_ptr<Embryo> begin(std::uint64_t namespaces, const Cgroups& cgroups,
                                       FdRef lock = FdRef(-1)) noexcept;

  // Maps its ids, and lets it do the steps of `beginning`, of compile_beginning(); `cgroups` are
  // those of begin(), all of them. False when it cannot be the process of such a plan: then it is
  // of no use any more.
  bool settle(const Plan& beginning, const Identity& identity, const Cgroups& cgroups) noexcept;
  // Whether what it has done is how `plan` begins. Not before it has settled.
  bool fits(const Plan& plan) const;
  // The program's place; and how many steps of the plan are done without it.
  ProgramMemory& memory() { return memory_; }
  std::size_t done() const { return beginning_.steps.size(); }
  // Lets it run `program`, which lies in memory(), with the descriptors that this names. False when
  // it has ended, or there are too many of them for one message.
  bool hatch(ChildProgram& program);

  const Started& facts() const { return facts_; } // requires that it has settled
  ChildProcess& process() { return process_; }
  UniqueFd& go() { return go_; }         // as Launched.go
  UniqueFd& report() { return report_; } // what is read from it is a ChildReport

 private:
  Embryo(std::uint64_t namespaces, ProgramMemory memory, ChildProcess process, UniqueFd go,
         UniqueFd report, const EmbryoContext& childs);
  bool tell(ChildProgram& program, HatchMessage message, std::vector<int> fds);

  std::uint64_t namespaces_;
  ProgramMemory memory_;
  ChildProcess process_;
  Plan beginning_; // that it has been told
  Started facts_;
  UniqueFd go_;
  UniqueFd report_;
  std::optional<cpu_set_t> processors_; // that both may use, when there is a choice
  bool* sleeps_ = nullptr;              // in memory_: it waits for its second message
  int childs_go_;                       // what the child calls its ends
  int childs_report_;
};

} // namespace layerbox
