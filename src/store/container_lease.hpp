// container_lease: a container's directory, and the lock that says somebody lives in it.
//
// containers/<id>/lease is a file under flock(2); its content is one JSON document (ContainerState)
// rewritten in place while the lock is held. When the holder is gone, the state tells how to find
// what it left: the pid namespace of the container's first process is named by inode number and
// start time, never by a bare pid.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/file_lock.hpp"
#include "base/id_map.hpp"
#include "base/unique_fd.hpp"
#include "store/layer_key.hpp"

namespace layerbox {

class Store;

enum class Keep : std::uint8_t { throw_away, kept };

// The network that a container is on, and what it has there while it runs.
struct ContainerNetwork {
  std::string name; // of a network of the store, held while the directory exists; or "pasta"
  std::string hostname;
  std::vector<std::string> addresses;
  std::vector<std::string> ports; // "127.0.0.1:8080->80/tcp"
};

// All that other processes may want to know about a container.
struct ContainerState {
  std::string id;   // 64 hex digits
  std::string name; // "" when it has none
  Keep keep = Keep::throw_away;
  std::optional<Digest> image;
  std::string image_name;       // as the user wrote it
  std::vector<LayerKey> layers; // bottom first: in use while the directory exists
  std::string backend;
  std::vector<std::string> command;
  std::map<std::string, std::string> labels;
  std::int64_t created = 0;       // unix seconds
  std::int64_t started = 0;       // the last time; 0: never
  std::uint32_t created_ns = 0;   // and the part of a second: for their order
  std::int64_t finished = 0;      // 0: not yet
  std::optional<int> exit_status; // as the shell would say it
  // How it is asked to end, and how long it may take; nothing: as long as it does.
  int stop_signal = 15; // SIGTERM
  std::optional<std::uint32_t> stop_timeout_s = 10;
  bool remove_at_end = false; // kept until it has run
  // What it writes is in memory, in a tmpfs of this size (of tmpfs(5)), and goes when it ends; ""
  // for one whose files are on disk.
  std::string ephemeral;
  std::uint32_t restarts = 0; // by its restart policy, since it was started
  bool oom_killed = false;    // the kernel killed a process of it for want of memory
  // The running first process, as seen from the host; 0 when none runs.
  std::int32_t pid = 0;
  std::uint64_t pid_start_time = 0; // field 22 of /proc/PID/stat, clock ticks since boot
  std::uint64_t pid_namespace = 0;  // inode number of /proc/PID/ns/pid
  IdMap id_map;                     // which ids of the host are its own; empty when none runs
  // Absolute paths of its cgroups, written down before they are made. Each is called
  // cgroup_name(id).
  std::vector<std::string> cgroups;
  std::vector<std::string> volumes; // names: held while the directory exists
  std::optional<ContainerNetwork> network;
};

std::string new_container_id(); // 64 random hex digits (getrandom(2))

class ContainerLease {
 public:
  // Makes containers/<id>/ and holds its lease, alive. Requires the gate shared. Throws Error.
  static ContainerLease create(const Store& store, ContainerState state);
  // Takes the lease of an existing container; nothing when it is held (the container runs).
  static std::optional<ContainerLease> try_take(const Store& store, std::string_view id);

  const ContainerState& state() const { return state_; }
  FdRef dir() const { return dir_; }
  FdRef lock() const { return lock_.fd(); } // whoever has a copy of it holds the lease, too
  // Rewrites the state. Not durable: it tells about the living; about the kept, and about one that
  // is not to be kept any more, it is.
  void update(const ContainerState& state);

  // living/<id>, a second name of the lease, says that this container may leave something to end or
  // to remove when its layerbox is killed: who looks for garbage looks at these alone, however many
  // containers rest. A kept one is at rest when its state says that it has ended, and all of it
  // has; it is alive again before it runs again. What is removed is at rest last of all.
  // `id` is a container's. Throws Error.
  void mark_alive(const Store& store) const;
  static void mark_at_rest(const Store& store, std::string_view id);

 private:
  ContainerLease(UniqueFd dir, FileLock lock, ContainerState state)
      : dir_(std::move(dir)), lock_(std::move(lock)), state_(std::move(state)) {}
  UniqueFd dir_;
  FileLock lock_;
  ContainerState state_;
};

struct ContainerInfo {
  ContainerState state;
  bool running = false; // its lease is held and its first process lives
  bool held = false;    // its lease is held
  bool paused = false;  // it runs, and is held still
};

// A container without limits has no cgroup; one that is to be paused gets one, while another
// process holds its lease. Its path is written beside the lease before it is made, and is one of
// the state's cgroups for all who read the state from then on. Throws Error.
void write_freezer(FdRef home, const std::string& cgroup);
std::optional<std::string> read_freezer(FdRef home);
// The same of another name than the one that it was made with. Durable.
void write_name(FdRef home, const std::string& name);

// Every container of the store, by the time of its making. Directories that are just being made or
// unmade are passed over.
std::vector<ContainerInfo> list_containers(const Store& store);

// Kills the first process (and with it all others) of a container whose lease nobody holds, if it
// is still there; identified by start time and pid namespace through a pidfd. Then its cgroups are
// ended, with whatever is in them. Requires the lease. Throws Error.
void kill_leftover(const ContainerState& state);
// The same, and writes down, once, that it has died. Throws Error.
void end_leftover(const Store& store, ContainerLease& lease);

} // namespace layerbox
