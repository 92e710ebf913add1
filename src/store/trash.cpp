#include "store/trash.hpp"

#include <fcntl.h>

#include <cerrno>
#include <optional>

#include "base/error.hpp"
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

TrashResult empty_trash(FdRef root, const Identity& identity) {
  TrashResult result;
  const auto lock = try_lock(root, kTrashLock, LockMode::exclusive);
  if (!lock) return result; // and nobody knows what the other leaves
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

} // namespace layerbox
