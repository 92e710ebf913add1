#include "cli/entered_container.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "cli/exec_record.hpp"
#include "cli/find_container.hpp"
#include "runner/cgroups.hpp"
#include "store/layout.hpp"
#include "store/process_identity.hpp"

namespace layerbox {
namespace {

constexpr std::chrono::milliseconds kLookForRecord{5};
constexpr std::uint64_t kNewTime = 0x80; // CLONE_NEWTIME, not in every sched.h

struct EnteredKind {
  const char* file; // of /proc/PID/ns
  const char* word;
  std::uint64_t flag;
};

// The user namespace first: whether the others belong to it is asked. That of the pids last: who
// has entered it makes children there.
constexpr std::array<EnteredKind, 8> kEnteredKinds = {{{"user", "user", CLONE_NEWUSER},
                                                       {"mnt", "mount", CLONE_NEWNS},
                                                       {"net", "network", CLONE_NEWNET},
                                                       {"uts", "uts", CLONE_NEWUTS},
                                                       {"ipc", "ipc", CLONE_NEWIPC},
                                                       {"cgroup", "cgroup", CLONE_NEWCGROUP},
                                                       {"time", "time", kNewTime},
                                                       {"pid", "pid", CLONE_NEWPID}}};

struct FileKey {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileKey&, const FileKey&) = default;
};

FileKey key_of(FdRef fd) {
  const struct stat status = stat_fd(fd);
  return {status.st_dev, status.st_ino};
}

// Nothing where the kernel has no such kind.
std::optional<FileKey> own_key(const EnteredKind& kind) {
  struct stat status {};
  const std::string path = fmt::format("/proc/self/ns/{}", kind.file);
  if (::stat(path.c_str(), &status) == 0) return FileKey{status.st_dev, status.st_ino};
  if (errno != ENOENT) throw_errno(errno, path);
  return std::nullopt;
}

// Whether it belongs to the user namespace `user`. An owner that may not be seen is above us.
bool belongs_to(FdRef fd, const FileKey& user) {
  const UniqueFd owner(::ioctl(fd.get(), NS_GET_USERNS));
  if (!owner && errno != EPERM) throw_errno(errno, "finding the owner of a namespace");
  return owner && key_of(owner) == user;
}

std::vector<EnteredNamespace> open_namespaces(const ContainerState& state) {
  std::vector<EnteredNamespace> opened;
  std::optional<FileKey> user;
  for (const EnteredKind& kind : kEnteredKinds) {
    const std::optional<FileKey> own = own_key(kind);
    if (!own) continue;
    UniqueFd fd = open_namespace(state, kind.file);
    const FileKey key = key_of(fd);
    if (kind.flag == CLONE_NEWPID && key.inode != state.pid_namespace)
      throw Error(ErrorKind::not_found, "its first process is another by now");
    if (!user) user = key;
    if (key == *own) continue; // we are there already
    const bool foreign = kind.flag != CLONE_NEWUSER && !belongs_to(fd, *user);
    opened.push_back({kind.flag, std::move(fd),
                      fmt::format("the {} namespace of container '{}'", kind.word,
                                  printable(display_name(state))),
                      foreign});
  }
  return opened;
}

void require_running(const ContainerInfo& container, const std::string& reference) {
  if (container.running) return;
  Error error(
      ErrorKind::invalid_argument,
      fmt::format("the container '{}' is {}", printable(reference),
                  container.held ? "created, and does not run yet" : state_word(container)));
  error.set_hint("'layerbox ps' lists those that run; a new one is made with 'layerbox run'");
  throw error;
}

std::optional<RunSpec> read_record(const Store& store, const ContainerState& state) {
  const auto file = try_open_beneath(
      store.root(), RelPath::parse(layout::container_dir(state.id)).child(layout::kExecRecord),
      O_RDONLY | O_CLOEXEC);
  if (!file) return std::nullopt;
  FdSource source(*file, layout::kExecRecord);
  return parse_exec_record(read_all(source, kMaxExecRecordBytes, layout::kExecRecord), state);
}

RunSpec await_record(const Store& store, const ContainerState& state,
                     const std::string& reference) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(kExecWaitSeconds);
  for (;;) {
    if (auto walls = read_record(store, state)) return std::move(*walls);
    if (!first_process_lives(state))
      throw Error(ErrorKind::not_found,
                  fmt::format("the container '{}' has just ended", printable(reference)));
    if (std::chrono::steady_clock::now() > give_up) break;
    std::this_thread::sleep_for(kLookForRecord);
  }
  Error error(ErrorKind::unsupported,
              fmt::format("the container '{}' cannot be entered: its layerbox has not written down "
                          "what holds it",
                          printable(reference)));
  error.set_hint("its first command has not begun yet, the store is full, or an older layerbox "
                 "started it");
  throw error;
}

} // namespace

EnteredContainer enter_container(const Store* store, const std::string& reference) {
  ContainerInfo container = find_container(
      store != nullptr ? list_containers(*store) : std::vector<ContainerInfo>(), reference);
  require_running(container, reference);
  ExecSpec spec;
  // Without a store none was found.
  // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
  spec.walls = await_record(*store, container.state, reference);
  spec.walls.container_id = container.state.id;
  spec.walls.id_map = container.state.id_map;
  with_context([&] { return fmt::format("entering container '{}'", printable(reference)); },
               [&] {
                 spec.namespaces = open_namespaces(container.state);
                 spec.cgroups = find_cgroups(container.state.cgroups);
               });
  return {std::move(container.state), std::move(spec)};
}

} // namespace layerbox
