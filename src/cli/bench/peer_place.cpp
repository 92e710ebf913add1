#include "cli/bench/peer_place.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <optional>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/quiet_thread.hpp"

namespace layerbox::bench {
namespace {

// Threads can be in a mount namespace each; what they start inherits it.
void in_thread(const std::function<void()>& work) {
  std::exception_ptr problem;
  start_quiet_thread([&] {
    try {
      if (::unshare(CLONE_FS) != 0) throw_errno(errno, "leave the working directory of the others");
      work();
    } catch (...) {
      problem = std::current_exception();
    }
  }).join();
  if (problem) std::rethrow_exception(problem);
}

std::string short_place() {
  for (const char* name : {"/mnt", "/media", "/srv", "/opt"}) {
    struct stat status {};
    if (::lstat(name, &status) == 0 && S_ISDIR(status.st_mode)) return name;
  }
  throw Error(ErrorKind::not_found, "there is no /mnt, /media, /srv or /opt to mount on");
}

// What it would write there goes with the mount.
void cover(const char* directory) {
  if (::mount("tmpfs", directory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
    throw_errno(errno, std::string("cover ") + directory);
}

} // namespace

PeerPlace::PeerPlace(FdRef directory) : path_(short_place()) {
  in_thread([&] {
    if (::fchdir(directory.get()) != 0) throw_errno(errno, "enter the directory of peers");
    if (::unshare(CLONE_NEWNS) != 0) throw_errno(errno, "make a mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      throw_errno(errno, "make mounts private");
    if (::mount(".", path_.c_str(), nullptr, MS_BIND, nullptr) != 0)
      throw_errno(errno, "give the directory of peers a short name");
    cover("/run");
    cover("/var/lib");
    namespace_ = open_path("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
  });
}

void PeerPlace::in_there(const std::function<void()>& work) const {
  in_thread([&] {
    if (::setns(namespace_.get(), CLONE_NEWNS) != 0) throw_errno(errno, "enter the peers' mounts");
    work();
  });
}

} // namespace layerbox::bench
