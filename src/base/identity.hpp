// identity: whose rights a process has, judged from facts about it. current_identity() of
// userns.hpp gathers the facts; the judgement is a function over data, so that each case is tested
// on any machine.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/userns.hpp"

namespace layerbox {

// A user namespace whose root may map on at least this many ids serves as a machine of its own:
// Debian's policy uses 0 … 65535.
constexpr std::uint32_t kIdsOfAMachine = 65536;

struct IdentityFacts {
  uid_t uid = 0; // real and effective
  gid_t gid = 0;
  uid_t effective_uid = 0;
  gid_t effective_gid = 0;
  std::uint64_t capabilities = 0; // the effective set, bit N for capability N
  std::string uid_map, gid_map;   // the text of /proc/self/uid_map and gid_map
  // The files in /etc, "" for those that are not there; not looked at for uid 0.
  std::string passwd, subuid, subgid;
  bool has_newuidmap = false;
  bool has_newgidmap = false;
};

// Throws Error(corrupt) for an id map that is none.
Identity judge_identity(const IdentityFacts& facts);

// The effective capabilities of this thread (capget(2)), bit N for capability N.
std::uint64_t effective_capabilities();
bool has_capability(std::uint64_t set, unsigned capability);

} // namespace layerbox
