// fuse_server: fuse-overlayfs(1) in a process that has what it needs and nothing else.
//
// It answers to the container's programs with the rights of the store's owner over the store's
// files, and follows symlinks of an image on the way to others. So it does not see the host: it has
// mount, pid, network and IPC namespaces of its own, and its root has the system's programs and
// libraries, the trees it serves, a /proc, and nothing else; all but the container's directory is
// read-only, and of that it writes, where Landlock is there, to upper and work alone. It holds the
// descriptors it is given, has no environment, the capabilities over files that it needs and no
// other, and cannot get more. That it has no CAP_SYS_ADMIN also settles in which words it notes
// what is hidden: see layers/tree/overlay_dialect.hpp.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/mount_plan.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

class FuseServer {
 public:
  struct Descriptors {
    int device;
    int lock; // held while it runs; -1 for none
    int nothing;
    int notebook; // what it says
  };

  FuseServer(const MountPlan& plan, std::string program);

  // Its process, a child of ours, as the root of `user_namespace`, or of our own when that is -1.
  // What goes wrong from there on is said in the notebook, and ends it. Throws Error.
  pid_t start(const Descriptors& fds, FdRef user_namespace) const;

  const std::vector<std::string>& words() const { return words_; }

 private:
  // A directory below the anchor that the server sees.
  struct Shown {
    std::string path;
    bool writable = false;
  };

  [[noreturn]] void become(const Descriptors& fds) const;
  void enter_root() const;
  void hold_writing() const;

  std::string anchor_;
  std::string program_;
  std::vector<Shown> shown_;
  std::vector<std::string> written_; // below which it writes
  std::vector<std::string> words_;
};

} // namespace layerbox
