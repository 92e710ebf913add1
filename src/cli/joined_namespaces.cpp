#include "cli/joined_namespaces.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "cli/find_container.hpp"
#include "store/process_identity.hpp"

namespace layerbox {
namespace {

struct Kind {
  NamespaceSpec NamespaceSpecs::*spec;
  NamespaceWish NamespaceWishes::*wish;
  const char* flag;
  const char* file; // of /proc/PID/ns
  const char* word;
  int type; // CLONE_NEW*
};

constexpr Kind kUser = {&NamespaceSpecs::user, &NamespaceWishes::user, "--userns", "user", "user",
                        CLONE_NEWUSER};
constexpr Kind kMounts = {nullptr, nullptr, "", "mnt", "mount", CLONE_NEWNS};
constexpr std::array<Kind, 5> kKinds = {{
    {&NamespaceSpecs::pid, &NamespaceWishes::pid, "--pid", "pid", "pid", CLONE_NEWPID},
    {&NamespaceSpecs::network, &NamespaceWishes::network, "--network", "net", "network",
     CLONE_NEWNET},
    {&NamespaceSpecs::ipc, &NamespaceWishes::ipc, "--ipc", "ipc", "ipc", CLONE_NEWIPC},
    {&NamespaceSpecs::uts, &NamespaceWishes::uts, "--uts", "uts", "uts", CLONE_NEWUTS},
    {&NamespaceSpecs::cgroup, &NamespaceWishes::cgroup, "--cgroupns", "cgroup", "cgroup",
     CLONE_NEWCGROUP},
}};

[[noreturn]] void refuse(ErrorKind kind, std::string message, std::string hint) {
  Error error(kind, std::move(message));
  error.set_hint(std::move(hint));
  throw error;
}

bool same_file(FdRef a, FdRef b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a.get(), &first) == 0 && ::fstat(b.get(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

UniqueFd open_own(const char* file) {
  const std::string path = fmt::format("/proc/self/ns/{}", file);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno(errno, path);
  return fd;
}

// Looked at before it is opened: it may be anything.
UniqueFd open_path_namespace(const std::string& path) {
  const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place) throw_errno(errno, fmt::format("open '{}'", printable(path)));
  struct statfs status {};
  if (::fstatfs(place.get(), &status) != 0) throw_errno(errno, printable(path));
  if (status.f_type != NSFS_MAGIC)
    refuse(ErrorKind::invalid_argument, fmt::format("'{}' is no namespace", printable(path)),
           "a namespace is a file like /proc/PID/ns/net, or one that such a file is bound on");
  UniqueFd fd(::open(fmt::format("/proc/self/fd/{}", place.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno(errno, fmt::format("open '{}'", printable(path)));
  return fd;
}

void require_type(FdRef fd, const Kind& kind, const std::string& name) {
  const int type = ::ioctl(fd.get(), NS_GET_NSTYPE);
  if (type != kind.type)
    refuse(ErrorKind::invalid_argument, fmt::format("{} is no {} namespace", name, kind.word), "");
}

class Joining {
 public:
  Joining(RunSpec& spec, const NamespaceWishes& wishes, const Store* store,
          const Identity& identity)
      : spec_(spec), wishes_(wishes), store_(store), identity_(identity),
        own_user_(open_own("user")) {}

  JoinedNamespaces run() {
    if (wishes_.user.joins())
      with_context([] { return "--userns"; }, [&] { take_user(open(kUser), name_of(kUser)); });
    for (const Kind& kind : kKinds)
      if ((wishes_.*kind.wish).joins())
        with_context([&] { return kind.flag; }, [&] { join(kind); });
    if (user_ >= 0) take_map();
    return std::move(joined_);
  }

 private:
  std::string name_of(const Kind& kind) const {
    const NamespaceWish& wish = wishes_.*kind.wish;
    if (wish.kind == NamespaceWish::Kind::path) return fmt::format("'{}'", printable(wish.what));
    return fmt::format("the {} namespace of container '{}'", kind.word, printable(wish.what));
  }

  UniqueFd open(const Kind& kind) {
    const NamespaceWish& wish = wishes_.*kind.wish;
    UniqueFd fd = wish.kind == NamespaceWish::Kind::path ? open_path_namespace(wish.what)
                                                         : open_container(wish.what, kind);
    require_type(fd, kind, name_of(kind));
    return fd;
  }

  UniqueFd open_container(const std::string& name, const Kind& kind) {
    if (!containers_)
      containers_ = store_ != nullptr ? list_containers(*store_) : std::vector<ContainerInfo>();
    const ContainerInfo info = find_container(*containers_, name);
    if (!info.running)
      refuse(ErrorKind::not_found, fmt::format("the container '{}' does not run", printable(name)),
             "'layerbox ps' lists those that do");
    return open_namespace(info.state, kind.file);
  }

  void join(const Kind& kind) {
    UniqueFd fd = open(kind);
    NamespaceSpec& spec = spec_.namespaces.*kind.spec;
    // Already there: nothing is to be entered.
    if (same_file(fd, open_own(kind.file))) {
      spec = {NamespaceMode::host, -1, {}, false};
      if (kind.type == CLONE_NEWNET) spec_.network = NetworkMode::host;
      return;
    }
    spec = {NamespaceMode::join, fd.get(), name_of(kind), take_owner(kind, fd)};
    if (kind.type == CLONE_NEWNET) spec_.network = NetworkMode::join;
    joined_.fds.push_back(std::move(fd));
    if (kind.type == CLONE_NEWIPC && (wishes_.*kind.wish).kind == NamespaceWish::Kind::container)
      join_shm((wishes_.*kind.wish).what);
  }

  // Shared memory by name is files, and goes with the ipc namespace.
  void join_shm(const std::string& name) {
    UniqueFd fd = open_container(name, kMounts);
    spec_.namespaces.shm = {NamespaceMode::join, fd.get(),
                            fmt::format("container '{}'", printable(name)), false};
    joined_.fds.push_back(std::move(fd));
  }

  // Whether it belongs to another user namespace than the container's will be.
  bool take_owner(const Kind& kind, FdRef fd) {
    UniqueFd owner(::ioctl(fd.get(), NS_GET_USERNS));
    if (!owner && errno != EPERM) throw_errno(errno, "finding the owner of " + name_of(kind));
    if (owner && !same_file(owner, own_user_)) {
      take_user(std::move(owner), name_of(kind));
      return false;
    }
    if (!owner || identity_.privilege != Privilege::root)
      refuse(ErrorKind::permission_denied,
             fmt::format("{} belongs to the host, or to another user", name_of(kind)),
             "an ordinary user can enter what containers of his own have; 'host' shares what he is "
             "in himself");
    if (kind.type == CLONE_NEWPID)
      refuse(ErrorKind::unsupported,
             fmt::format("{} belongs to the host's user namespace, and no /proc could be mounted "
                         "for it in a container's",
                         name_of(kind)),
             "'--pid host' shares the host's, '--pid container:NAME' a container's");
    return true;
  }

  void take_user(UniqueFd fd, const std::string& of) {
    if (same_file(fd, own_user_))
      refuse(ErrorKind::invalid_argument, of + " is the user namespace that layerbox runs in",
             "'--userns host' gives a container the same ids");
    if (user_ >= 0) {
      if (same_file(fd, FdRef(user_))) return;
      refuse(ErrorKind::invalid_argument,
             fmt::format("{} and {} belong to different user namespaces, and a process can be in "
                         "one only",
                         user_of_, of),
             "start the one with '--userns container:' of the other");
    }
    if (wishes_.user.kind == NamespaceWish::Kind::keep_id)
      refuse(ErrorKind::invalid_argument,
             of + " brings a user namespace along, and with it a map of ids",
             "leave out '--userns keep-id'");
    user_ = fd.get();
    user_of_ = of;
    spec_.namespaces.user = {NamespaceMode::join, fd.get(), "the user namespace of " + of, false};
    joined_.fds.push_back(std::move(fd));
  }

  // Whose ids the container has from now on.
  void take_map() {
    spec_.id_map = with_context([&] { return "the user namespace of " + user_of_; },
                                [&] { return map_of_user_namespace(FdRef(user_)); });
    const bool is_root = identity_.privilege == Privilege::root;
    const bool host_ids = wishes_.user.kind == NamespaceWish::Kind::host;
    const bool root_is_root = std::any_of(spec_.id_map.uids.begin(), spec_.id_map.uids.end(),
                                          [](const IdRange& range) { return range.outside == 0; });
    if (is_root && root_is_root && !host_ids)
      refuse(ErrorKind::permission_denied,
             fmt::format("{} has the host's ids: root inside would be root outside", user_of_),
             "'--userns host' says that this is meant");
    if (host_ids && !(is_root && root_is_root))
      refuse(ErrorKind::invalid_argument,
             fmt::format("{} brings a user namespace along that has not the host's ids", user_of_),
             "leave out '--userns host'");
    spec_.idmap_rootfs = is_root && !host_ids;
  }

  RunSpec& spec_;
  const NamespaceWishes& wishes_;
  const Store* store_; // null where there is none, and so no container
  const Identity& identity_;
  const UniqueFd own_user_;
  std::optional<std::vector<ContainerInfo>> containers_;
  JoinedNamespaces joined_;
  int user_ = -1; // one of joined_
  std::string user_of_;
};

} // namespace

JoinedNamespaces open_joined_namespaces(RunSpec& spec, const NamespaceWishes& wishes,
                                        const Store* store, const Identity& identity) {
  const bool any = wishes.user.joins() ||
                   std::any_of(kKinds.begin(), kKinds.end(),
                               [&](const Kind& kind) { return (wishes.*kind.wish).joins(); });
  if (!any) return {};
  return Joining(spec, wishes, store, identity).run();
}

} // namespace layerbox
