#include "store/trash.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "base/temp.hpp"
#include "base/walk.hpp"
#include "store/container_state.hpp"
#include "store/layout.hpp"
#include "store/locks.hpp"
#include "store/process_identity.hpp"

namespace layerbox {
namespace {

UniqueFd open_trash(FdRef root) {
  return open_beneath(root, RelPath::parse(layout::kTrash), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// Containers come here with their lease in them: its state names the process to end first.
void kill_container(FdRef trash, const std::string& name) {
  const RelPath lease = RelPath::parse(name).child(layout::kLease);
  std::optional<ContainerState> state;
  try {
    state = parse_container_state(read_small_file(trash, lease, kMaxContainerStateBytes));
    amend_state(*state, open_beneath(trash, RelPath::parse(name), kOpenDir));
  } catch (const Error&) {
    return; // no container, or one that had not come to life yet
  }
  kill_leftover(*state);
}

// Deletes with the user's own rights, or, where these do not suffice, with those over his
// subordinate ids.
class Remover {
 public:
  Remover(FdRef trash, const Identity& identity) : trash_(trash), identity_(identity) {}

  void remove(const std::string& name) {
    try {
      remove_tree(trash_, name.c_str());
    } catch (const Error& error) {
      const int why = error.error_number();
      if (identity_.privilege != Privilege::subordinate || (why != EACCES && why != EPERM)) throw;
      if (!user_namespace_) user_namespace_ = make_user_namespace(identity_.store_map, identity_);
      call_in_user_namespace(user_namespace_, [&] { remove_tree(trash_, name.c_str()); });
    }
  }

 private:
  FdRef trash_;
  const Identity& identity_;
  UniqueFd user_namespace_;
};

// Requires the trash's lock.
TrashResult empty_locked(FdRef root, const Identity& identity) {
  TrashResult result;
  const UniqueFd trash = open_trash(root);
  Remover remover(trash, identity);
  for (const std::string& name : list_dir(trash)) {
    try {
      kill_container(trash, name);
      remover.remove(name);
      ++result.removed;
    } catch (const Error& error) {
      if (result.left++ == 0) result.why = error.what();
    }
  }
  result.is_empty = result.left == 0;
  return result;
}

// What somebody may wait for, or want to unmount, or send a signal to.
void leave_caller(FdRef root, std::optional<FdRef> lock) {
  (void)::setsid();
  (void)!::chdir("/");
  std::vector<int> kept{root.get()};
  if (lock) kept.push_back(lock->get());
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int fd : kept) {
    if (static_cast<unsigned>(fd) > next)
      (void)::close_range(next, static_cast<unsigned>(fd) - 1, 0);
    next = static_cast<unsigned>(fd) + 1;
  }
  (void)::close_range(next, ~0U, 0);
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) // so that no other file becomes one of these
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", O_RDWR | O_NOCTTY);
}

} // namespace

void move_to_trash(FdRef root, const std::string& path) {
  const RelPath source = RelPath::parse(path);
  const auto parent = try_open_beneath(root, source.parent(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (!parent) return;
  const UniqueFd trash = open_trash(root);
  try {
    rename_at(*parent, std::string(source.filename()).c_str(), trash, random_token().c_str());
  } catch (const Error& error) {
    if (error.error_number() != ENOENT) throw;
  }
}

TrashResult empty_trash(FdRef root, const Identity& identity, HeldTrash held) {
  std::optional<RangeLock> lock = try_lock(root, kTrashLock, LockMode::exclusive);
  if (!lock && held == HeldTrash::wait) lock = take_lock(root, kTrashLock, LockMode::exclusive);
  if (!lock) return {}; // and nobody knows what the other leaves
  return empty_locked(root, identity);
}

bool empty_trash_later(FdRef root, const Identity& identity) {
  // Taken before there is a process: at no moment does the next command's sweep find it free.
  std::optional<RangeLock> lock = try_lock(root, kTrashLock, LockMode::exclusive);
  const pid_t pid = ::fork();
  if (pid != 0) return pid > 0;
  try {
    leave_caller(root, lock ? std::optional(lock->fd()) : std::nullopt);
    fault_point("store.empty_trash_later");
    // Who has come meanwhile has left his to who holds the lock.
    while (!lock || empty_locked(root, identity).removed > 0)
      if (!lock) lock = take_lock(root, kTrashLock, LockMode::exclusive);
  } catch (...) { // NOLINT(bugprone-empty-catch): nobody is there to hear it
  }
  ::_exit(0);
}

bool has_room_beside(FdRef root, std::uint64_t bytes, std::uint64_t files) {
  struct statvfs status {};
  if (::fstatvfs(root.get(), &status) != 0) return false;
  const bool counts_files = status.f_files > 0; // btrfs does not
  return std::uint64_t{status.f_bavail} * status.f_frsize >= bytes &&
         (!counts_files || status.f_favail >= files);
}

} // namespace layerbox
