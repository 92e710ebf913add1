// plan: what compile() makes of a RunSpec: everything that will happen between clone3(2) and
// execve(2), in order, as plain data. It can be compared, printed, and tested without privilege.
//
//     Plan plan = compile(spec, facts);
//     plan_text(plan):   3 wait_go
//                        5 attach_clone  clone 0
//                        6 overlay       containers/4f… [lowerdir+=layers/… upperdir=… volatile]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id_map.hpp"
#include "base/mount_plan.hpp"
#include "runner/act.hpp"
#include "runner/cgroup_dir.hpp"

namespace layerbox {

// A tree of the host that the launcher clones as a detached mount (open_tree(2)) before the clone
// of the process, because only it may: with its ids mapped, for containers of the real root.
struct CloneSource {
  std::string path = {};
  std::string purpose = {};            // for messages: "volume '/srv/data'", "rootfs"
  bool is_volume = false;              // the user named it
  std::vector<std::string> nodes = {}; // not a clone: nodes like these devices (device_nodes.hpp)
  bool hang = false; // no mount of the container's: attached before its rootfs, out of sight
  bool recursive = false;
  bool idmap = false;
  bool read_only = false;
  bool no_devices = true; // device nodes below cannot be opened
  Propagation propagation = Propagation::none;
  bool submounts_writable = false; // read_only is for the top alone

  friend bool operator==(const CloneSource&, const CloneSource&) = default;
};

inline constexpr int kNoClone = -1;
inline constexpr int kNoCgroup = -1;

struct Step {
  Act act = Act::exec;
  std::uint32_t flags = 0;       // kOptional … of act.hpp
  int clone = kNoClone;          // index in Plan.clones
  int other_clone = kNoClone;    // of an overlay_volume: its writable part
  int cgroup = kNoCgroup;        // index in Plan.cgroups
  int fd = -1;                   // a descriptor of the spec's
  unsigned long mount_flags = 0; // MS_*
  std::string target = {};
  std::string source = {};
  std::string data = {};
  std::vector<std::string> list = {};
  std::uint32_t count = 0;

  friend bool operator==(const Step&, const Step&) = default;
};

struct Plan {
  std::uint64_t namespaces = 0; // CLONE_NEW*, made with the process
  bool second_birth = false;    // the process makes the container's (be_born), and ends
  int user_namespace = -1;      // a descriptor of the spec's when it is entered: its ids are mapped
  int pid_namespace = -1;       // the same
  IdMap id_map;
  bool may_setgroups = true;
  std::vector<CgroupDir> cgroups; // made before the process is
  std::vector<CloneSource> clones;
  std::vector<Step> steps;
  std::optional<MountPlan> served; // by fuse-overlayfs, with Act::fuse_overlay

  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string path; // where a command without '/' is searched
  std::string user;
  bool needs_home = false;
  std::uint64_t capabilities = 0; // bit N is capability number N
  std::optional<int> oom_score_adj;
  bool terminal = false;
  bool interactive = false;

  friend bool operator==(const Plan&, const Plan&) = default;
};

bool has_step(const Plan& plan, Act act);

// The name of an act as it is written in act.hpp.
std::string_view act_name(Act act);

// One line a step, numbered from 0 as reports do.
std::string plan_text(const Plan& plan);

} // namespace layerbox
