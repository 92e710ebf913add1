// cgroups: a container's cgroups, made. They live as long as this object; it must outlive the
// container's process.
//
//     Cgroups cgroups = Cgroups::make(plan.cgroups);     directories there, limits written
//     launch(…, cgroups)                                 the child is born or goes into them
//     cgroups.oom_kills()                                when it has ended
//
// How a process comes in:
//   version 2   it is born there (CLONE_INTO_CGROUP of clone3(2)); the launcher moves it in, before
//               it is told to go on, where clone3 is not to be had.
//   version 1   it goes by itself, as its first act, through a descriptor of `tasks` that the
//               launcher opened: the kernel asks for the opener's rights, and a thread that moves
//               itself waits for no grace period, as moving a whole process by number does
//               (cgroup_procs_write_start() in kernel/cgroup/cgroup.c).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "runner/cgroup_dir.hpp"

namespace layerbox {

// Cgroups that are there, as they are: nothing is to be written. Throws Error.
std::vector<CgroupDir> find_cgroups(const std::vector<std::string>& paths);

class Cgroups {
 public:
  Cgroups() = default; // none
  // Makes the directories, and writes the limits. With none, nothing is done. Throws Error that
  // names the limit or the directory, with a hint; nothing is left then.
  static Cgroups make(const std::vector<CgroupDir>& dirs);
  // The same in two steps: the birthplace, which comes first where there is one; and all others.
  static Cgroups begin(const std::vector<CgroupDir>& dirs);
  void complete(const std::vector<CgroupDir>& dirs);
  // Those that are there already, of a container that runs; they stay when this object goes.
  static Cgroups open(const std::vector<CgroupDir>& dirs);
  Cgroups(Cgroups&& other) noexcept;
  Cgroups& operator=(Cgroups&&) = delete;
  Cgroups(const Cgroups&) = delete;
  Cgroups& operator=(const Cgroups&) = delete;
  ~Cgroups(); // end(); what cannot be removed is left

  // Where the child is born: a directory of version 2; an empty descriptor when there is none.
  FdRef birthplace() const { return birthplace_; }
  // For each of the directories the file that the child writes "0" to; empty for version 2.
  const std::vector<UniqueFd>& entrances() const { return entrances_; }
  // Moves the process into the birthplace. Throws Error.
  void move_in(pid_t pid) const;
  // How many processes the kernel has killed in here for want of memory.
  std::uint64_t oom_kills() const;
  // Kills what is left, and removes the directories. Throws Error that names the one that stays.
  void end();

 private:
  void add(const CgroupDir& dir);

  std::string name_;
  std::vector<std::string> paths_;
  UniqueFd birthplace_;
  std::vector<UniqueFd> entrances_;
  UniqueFd oom_v1_; // memory.oom_control
  UniqueFd oom_v2_; // memory.events
};

} // namespace layerbox
