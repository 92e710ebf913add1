// ordinary_user: work in a child process that has another user, or mounts of its own. Root only.
#pragma once

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "base/error.hpp"

namespace layerbox::test {

// The user "nobody", which every system has (newuidmap(1) wants a name for the caller).
inline constexpr uid_t kOrdinaryUid = 65534;
inline constexpr gid_t kOrdinaryGid = 65534;

// For a child process: it is this user for the rest of its life.
inline void become_ordinary_user() {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kOrdinaryGid, kOrdinaryGid, kOrdinaryGid) != 0 ||
      ::setresuid(kOrdinaryUid, kOrdinaryUid, kOrdinaryUid) != 0)
    throw_errno(errno, "become an ordinary user");
  // Its own files in /proc would belong to root otherwise.
  if (::prctl(PR_SET_DUMPABLE, 1) != 0) throw_errno(errno, "become dumpable");
}

// For a child process: what it mounts from now on goes with it.
inline void take_private_mounts() {
  if (::unshare(CLONE_NEWNS) != 0) throw_errno(errno, "unshare mounts");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    throw_errno(errno, "make mounts private");
}

inline void mount_or_throw(const char* type, const std::string& where, const std::string& options) {
  if (::mount(type, where.c_str(), type, 0, options.c_str()) != 0)
    throw_errno(errno, std::string("mount ") + type);
}

// Gives the ordinary user the subordinate ids FIRST+COUNT, in this process's mounts only.
inline void give_subordinate_ids(const std::string& scratch, unsigned first, unsigned count) {
  const std::string path = scratch + "/subids";
  std::ofstream(path) << kOrdinaryUid << ':' << first << ':' << count << '\n';
  for (const char* file : {"/etc/subuid", "/etc/subgid"})
    if (::mount(path.c_str(), file, nullptr, MS_BIND, nullptr) != 0)
      throw_errno(errno, std::string("bind ") + file);
}

} // namespace layerbox::test
