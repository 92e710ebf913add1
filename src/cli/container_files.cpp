#include "cli/container_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/entered_container.hpp"
#include "cli/find_container.hpp"
#include "cli/mount_points.hpp"
#include "cli/new_container.hpp"
#include "store/container_mounts.hpp"

namespace layerbox {
namespace {

void must(long result, const char* what) {
  if (result < 0) throw_errno(errno, what);
}

// With --pid host or container:NAME somebody inside sees this process.
void become_opaque() {
  must(::prctl(PR_SET_DUMPABLE, 0), "shut the memory");
}

void become(uid_t uid, gid_t gid) {
  // Denied where setgroups is; the groups then stay as they are, which gives no more than before.
  if (::setgroups(0, nullptr) != 0 && errno != EPERM) throw_errno(errno, "drop the groups");
  must(::setresgid(gid, gid, gid), "take the container's group");
  must(::setresuid(uid, uid, uid), "take the container's user");
  become_opaque(); // a change of ids may have undone it
}

// From now on no name but one below a descriptor that is held leads anywhere.
void leave_all_names() {
  const UniqueFd config(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  must(config.get(), "open an empty file system");
  for (const auto& [key, value] : {std::pair{"size", "4k"}, {"nr_inodes", "1"}, {"mode", "0555"}})
    must(::syscall(SYS_fsconfig, config.get(), FSCONFIG_SET_STRING, key, value, 0),
         "set up an empty file system");
  must(::syscall(SYS_fsconfig, config.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0),
       "make an empty file system");
  constexpr unsigned kAttributes =
      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const UniqueFd empty(
      static_cast<int>(::syscall(SYS_fsmount, config.get(), FSMOUNT_CLOEXEC, kAttributes)));
  must(empty.get(), "mount an empty file system");
  must(::fchdir(empty.get()), "enter an empty file system");
  must(::chroot("."), "make an empty file system the root");
}

void keep_capabilities_over_files() {
  constexpr std::uint32_t kOverFiles = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE |
                                       1U << CAP_DAC_READ_SEARCH | 1U << CAP_FOWNER |
                                       1U << CAP_FSETID | 1U << CAP_SETFCAP;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  must(::syscall(SYS_capget, &header, data), "read the capabilities");
  data[0].effective = data[0].permitted = data[0].permitted & kOverFiles;
  data[1].effective = data[1].permitted = 0;
  data[0].inheritable = data[1].inheritable = 0;
  must(::syscall(SYS_capset, &header, data), "give up capabilities");
}

std::uint32_t first_id(const std::vector<IdRange>& ranges) {
  for (const IdRange& range : ranges)
    if (range.inside == 0) return 0;
  return ranges.empty() ? 0 : ranges.front().inside;
}

[[noreturn]] void refuse_use(const ContainerInfo& container) {
  throw Error(ErrorKind::in_use, container.held
                                     ? "it is " + state_word(container) + ", and does not run yet"
                                     : "another command is reading or changing it")
      .set_hint("try it again");
}

} // namespace

ContainerFiles ContainerFiles::open(Invocation& invocation, const std::string& reference,
                                    MountAccess access) {
  Store& store = invocation.swept_store();
  const ContainerInfo found = find_container(list_containers(store), reference);
  ContainerFiles files;
  files.access_ = access;
  if (found.running) {
    ExecSpec entered = enter_container(&store, reference).spec;
    for (EnteredNamespace& ns : entered.namespaces) {
      if (ns.kind == CLONE_NEWUSER) files.user_namespace_ = std::move(ns.fd);
      if (ns.kind == CLONE_NEWNS) files.mount_namespace_ = std::move(ns.fd);
    }
    if (!files.mount_namespace_)
      throw Error(ErrorKind::unsupported, "it has no mount namespace of its own");
    files.uid_ = first_id(entered.walls.id_map.uids);
    files.gid_ = first_id(entered.walls.id_map.gids);
    return files;
  }
  if (access == MountAccess::read_only)
    files.hold_ = ContainerHold::try_take(store, found.state.id);
  else
    files.lease_ = ContainerLease::try_take(store, found.state.id);
  if (!files.hold_ && !files.lease_) refuse_use(found);
  const ContainerState& state = files.hold_ ? files.hold_->state() : files.lease_->state();
  require_not_mounted(files.hold_ ? files.hold_->dir() : files.lease_->dir(), state.id);
  const BackendEntry* backend = state.backend.empty() ? nullptr : &backend_named(state.backend);
  files.plan_ = plan_rootfs(&store, backend, state);
  files.mount_points_ = mount_points_of(store, state);
  const Identity& identity = invocation.identity();
  files.user_namespace_ = make_user_namespace(identity.store_map, identity);
  return files;
}

SeenFiles ContainerFiles::enter() const {
  become_opaque();
  if (user_namespace_) must(::setns(user_namespace_.get(), CLONE_NEWUSER), "enter the container");
  become(uid_, gid_);
  SeenFiles seen;
  if (mount_namespace_) {
    must(::setns(mount_namespace_.get(), CLONE_NEWNS), "enter the container's mount namespace");
    seen.root = open_path("/", O_PATH | O_DIRECTORY);
  } else {
    must(::unshare(CLONE_NEWNS), "make a mount namespace");
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
    const UniqueFd mount = mount_rootfs(plan_, access_);
    seen.root = open_beneath(mount, RelPath(), O_PATH | O_DIRECTORY);
    seen.covered = CoveredPlaces(seen.root, mount_points_);
  }
  leave_all_names();
  keep_capabilities_over_files();
  return seen;
}

std::unique_ptr<WorkInProcess>
ContainerFiles::start(FdRef fd, const std::function<void(const SeenFiles&)>& work) const {
  const pid_t parent = ::getpid();
  std::vector<int> kept{fd.get()};
  for (const UniqueFd* ns : {&user_namespace_, &mount_namespace_})
    if (*ns) kept.push_back(ns->get());
  return std::make_unique<WorkInProcess>(
      [&] {
        const SeenFiles seen = enter();
        end_with_parent(parent);
        for (const UniqueFd* ns : {&user_namespace_, &mount_namespace_})
          if (*ns) ::close(ns->get());
        work(seen);
      },
      kept);
}

} // namespace layerbox
