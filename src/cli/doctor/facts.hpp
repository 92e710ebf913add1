// facts: what `doctor` knows of a machine and of the user, as plain data. The files probe_*.cpp
// fill it in, by trying; judge_*.cpp make findings of it, and look at nothing else. So that each
// finding can be tested for machines that are not at hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id_map_helper.hpp"
#include "base/kernel_version.hpp"
#include "base/userns.hpp"
#include "base/userns_refusal.hpp"
#include "cli/machine_facts.hpp"
#include "runner/host_facts.hpp"
#include "runner/proc_view.hpp"

namespace layerbox::doctor {

// Something was done as containers do it, in a process or a directory that is gone by now.
struct Trial {
  bool tried = false; // else what had to work before did not
  bool worked = false;
  int error = 0;       // errno of the refusal, where there is one
  std::string message; // what failed, on which object, why
  std::string way_out;

  static Trial success() { return {true, true, 0, {}, {}}; }
};

// A system call that containers are made with. 0: the kernel knows it, and nothing is in its way.
struct CallFact {
  std::string name;
  int error = 0;
};

enum class Selinux : std::uint8_t { absent, permissive, enforcing };

struct KernelFacts {
  std::string name; // "Linux 6.1.0 x86_64"
  KernelVersion version = {};
  std::vector<CallFact> calls;
  int seccomp_error = 0;       // of asking for the actions that our filters have
  bool knows_our_calls = true; // there is a table of this machine's system calls
  LandlockFact landlock;
  Selinux selinux = Selinux::absent;
};

struct NamespaceTrials {
  UsernsFacts userns;
  Trial made;   // a user namespace
  Trial mapped; // its ids, as a container's are
  Trial used;   // a mount in it, by its root
  std::vector<NamespaceFact> kinds;
  Trial proc; // mounted in new namespaces of all kinds
  Trial sys;
  ProcView proc_view;
};

struct IdFacts {
  IdMapHelper newuidmap;
  IdMapHelper newgidmap;
};

enum class Journal : std::uint8_t { unknown, there, absent };

struct StoreFacts {
  std::string path;
  bool is_there = false;
  std::string place; // the directory that it is in, or would be made in
  Trial opened;      // or, where it is not there: a directory could be made in `place`
  // Of the file system there.
  std::string file_system; // "ext4"
  std::string objection;   // why none of that kind can hold a store; "" when nothing is known
  Trial usable;            // what a store needs was tried
  std::uint64_t free_bytes = 0;
  std::uint64_t free_inodes = 0; // the greatest number where it does not count them
  bool is_read_only = false;
  bool is_noexec = false;
  bool is_nosuid = false;
  Journal journal = Journal::unknown;
  Trial overlay;
  Trial idmapped; // not tried for ordinary users
};

struct ControllerFact {
  std::string name;  // "memory"
  std::string flags; // what needs it: "-m"
  Trial placed;
  std::vector<std::string> places; // directories that a container's cgroup would be made in
};

struct CgroupFacts {
  bool has_v1 = false;
  bool has_v2 = false;
  bool is_read_only = false; // of all that are mounted none can be written
  std::vector<ControllerFact> controllers;
};

struct NetworkFacts {
  // Of root, in network namespaces that are thrown away.
  Trial bridge;
  Trial veth;
  Trial nftables;
  // Of everybody else.
  std::optional<std::string> pasta;
  std::optional<std::string> slirp4netns;
  Trial tun; // a device of /dev/net/tun in a network namespace of one's own
};

struct LimitFacts {
  std::uint64_t open_files = 0; // RLIMIT_NOFILE: now, and at most
  std::uint64_t max_open_files = 0;
  std::uint64_t processes = ~std::uint64_t{0};  // RLIMIT_NPROC
  std::optional<std::uint64_t> cgroup_pids_max; // of our own cgroup; nothing where it has no limit
  std::uint64_t cgroup_pids = 0;
};

struct Facts {
  Identity identity;
  KernelFacts kernel;
  NamespaceTrials namespaces;
  IdFacts ids;
  StoreFacts store;
  CgroupFacts cgroups;
  NetworkFacts network;
  LimitFacts limits;
  Trial container; // a whole one, from its rootfs to the end of its command
};

} // namespace layerbox::doctor
