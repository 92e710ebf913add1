#include "cli/bench/peers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/cgroup_end.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "cli/bench/peer_place.hpp"
#include "cli/bench/probe_program.hpp"
#include "cli/bench/timed_command.hpp"
#include "cli/new_container.hpp"
#include "runner/cgroup_layout.hpp"

namespace layerbox::bench {
namespace {

using Words = std::vector<std::string>;
using PeerJson = nlohmann::ordered_json;

constexpr const char* kBundle = "bundle";
constexpr const char* kBundleProbe = "probe";

bool may_have_podman(const Store& store) {
  return ::geteuid() == 0 && store.identity().privilege == Privilege::root;
}

// What all peers stand on.
struct Stage {
  Stage(Store& in, const Subject& of, const PlacedProbe& with)
      : store(in), subject(of), probe(with) {}

  Store& store;
  const Subject& subject;
  const PlacedProbe& probe;
  UniqueFd directory; // below the staging directory
  std::string path;   // of that
  std::string probe_path;
  std::optional<NewContainer> rootfs; // a plain directory
  std::string rootfs_path;
};

// Where podman may make its own ones. They are a container's, so that they end with it, or by the
// next command's sweep.
std::vector<std::string> cgroups_for_podman(const std::string& container_id) {
  std::vector<std::string> paths;
  for (const CgroupHierarchy& hierarchy : read_cgroup_layout().hierarchies)
    paths.push_back(hierarchy.mount_point + '/' + cgroup_name(container_id));
  return paths;
}

// A container on a backend whose root file systems are directories.
void make_rootfs(Stage& stage) {
  const std::vector<LayerKey>& layers = stage.subject.image.row.layers;
  for (const BackendEntry& entry : backends()) {
    RunFlags flags;
    flags.operands = {stage.subject.image.row.id.str()};
    Origin origin = find_origin(&stage.store, flags);
    ContainerState state = first_state(origin, flags, new_container_id(), {"peers"});
    if (!entry.probe(stage.store, Remember::yes).works ||
        entry.plan(stage.store, state.id, layers, Access::throw_away).kind != RootfsKind::directory)
      continue;
    if (may_have_podman(stage.store)) state.cgroups = cgroups_for_podman(state.id);
    NoProgress quiet;
    stage.rootfs.emplace(stage.store, origin, &entry, std::move(state));
    const MountPlan plan = stage.rootfs->prepare(quiet);
    stage.rootfs_path = plan.anchor + '/' + plan.directory;
    return;
  }
  throw Error(ErrorKind::unsupported, "no backend here makes a plain directory");
}

// How it is started, and where.
struct Start {
  std::function<Words()> words; // the first is its name in the path
  std::shared_ptr<const PeerPlace> place = nullptr;

  void in_there(const std::function<void()>& work) const { place ? place->in_there(work) : work(); }
};

struct Peer {
  const char* name;
  Start (*ready)(const Stage&); // Throws Error when it cannot be used.
};

Start ready_bubblewrap(const Stage& stage) {
  const Words words{"bwrap",
                    "--unshare-all",
                    "--bind",
                    stage.rootfs_path,
                    "/",
                    "--ro-bind",
                    stage.probe_path,
                    stage.probe.inside,
                    "--proc",
                    "/proc",
                    "--dev",
                    "/dev",
                    stage.probe.inside,
                    "first"};
  return {[words] { return words; }};
}

PeerJson runc_mount(const char* destination, const char* type, const std::string& source,
                    const Words& options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", options}};
}

// What runc is told of the container: config.md of the OCI runtime-spec.
PeerJson runc_config(const Stage& stage) {
  PeerJson namespaces = PeerJson::array();
  for (const char* type : {"pid", "network", "ipc", "uts", "mount"})
    namespaces.push_back({{"type", type}});
  PeerJson mounts = PeerJson::array();
  mounts.push_back(runc_mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
  mounts.push_back(runc_mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755"}));
  mounts.push_back(
      runc_mount(stage.probe.inside.c_str(), "bind", stage.probe_path, {"bind", "ro"}));
  PeerJson config{{"ociVersion", "1.0.2"},
                  {"process",
                   {{"user", {{"uid", 0}, {"gid", 0}}},
                    {"args", Words{stage.probe.inside, "first"}},
                    {"env", Words{"PATH=/usr/bin:/bin"}},
                    {"cwd", "/"}}},
                  {"root", {{"path", stage.rootfs_path}}},
                  {"mounts", std::move(mounts)}};
  if (::geteuid() != 0) {
    namespaces.push_back({{"type", "user"}});
    const auto map_of = [](std::uint32_t id) {
      return PeerJson::array({{{"containerID", 0}, {"hostID", id}, {"size", 1}}});
    };
    config["linux"]["uidMappings"] = map_of(::geteuid());
    config["linux"]["gidMappings"] = map_of(::getegid());
  }
  config["linux"]["namespaces"] = std::move(namespaces);
  return config;
}

Start ready_runc(const Stage& stage) {
  const UniqueFd bundle = make_or_open_dir_at(stage.directory, kBundle, 0700);
  write_new_file(bundle, "config.json", runc_config(stage).dump(), 0600);
  const std::string root = stage.path + "/runc";
  const std::string path = stage.path + '/' + kBundle;
  return {[root, path] {
    return Words{"runc", "--root", root, "run", "--bundle", path, "layerbox-" + random_token()};
  }};
}

Words podman_words(const std::string& top) {
  return {"podman",   "--root",           top + "/root",      "--runroot", top + "/run",
          "--tmpdir", top + "/tmp",       "--cgroup-manager", "cgroupfs",  "--events-backend",
          "none",     "--storage-driver", "overlay"};
}

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Started start_program(const Stage& stage, const Words& words) {
  const auto program = find_in_path(words.front().c_str());
  if (!program) throw Error(ErrorKind::not_found, "it is not installed");
  return {words, *program, stage.directory};
}

// The limits are those that any root may set; podman's own are not.
Words podman_walls(const Words& cgroups) {
  return with({"run", "--rm", "--pull", "never", "--network", "none", "--ulimit",
               "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--user", "0:0", "--workdir",
               "/"},
              cgroups);
}

Start ready_podman(const Stage& stage) {
  if (!may_have_podman(stage.store))
    throw Error(ErrorKind::unsupported, "for an ordinary user it leaves a process behind");
  const std::string id = stage.subject.image.row.id.hex();
  (void)Started({"layerbox", "save", "--root", stage.store.path(), "--quiet", "-o", "image.tar",
                 stage.subject.image.row.id.str()},
                "/proc/self/exe", stage.directory)
      .finish_with_text();
  make_dir_at(stage.directory, "tmp", 0700);
  const Start start{{}, std::make_shared<const PeerPlace>(stage.directory)};
  const std::string& top = start.place->path();
  const Words load =
      with({"env", "TMPDIR=" + top + "/tmp"},
           with(podman_words(top), {"load", "--quiet", "--input", top + "/image.tar"}));
  start.in_there([&] { (void)start_program(stage, load).finish_with_text(); });
  unlink_at(stage.directory, "image.tar");
  const Words command{"--entrypoint",
                      stage.probe.inside,
                      "--volume",
                      fmt::format("{}/{}:{}:ro", top, kBundleProbe, stage.probe.inside),
                      id,
                      "first"};
  Words run = with(with(podman_words(top), podman_walls({"--cgroups", "disabled"})), command);
  const auto works = [&] { start.in_there([&] { (void)start_program(stage, run).finish(); }); };
  try {
    works();
  } catch (const Error&) { // its usual crun knows no hybrid of cgroup versions
    if (!find_in_path("runc")) throw;
    run = with(with(with(podman_words(top), {"--runtime", "runc"}),
                    podman_walls({"--cgroup-parent", '/' + cgroup_name(stage.rootfs->state().id)})),
               command);
    works();
  }
  return {[run] { return run; }, start.place};
}

class PeerTurn : public Turn {
 public:
  PeerTurn(std::shared_ptr<const Stage> stage, Contender peer, Start start, const Wish& wish)
      : stage_(std::move(stage)), left_out_(std::move(peer)), start_(std::move(start)), wish_(wish),
        samples_(left_out_) {}

  void take(std::uint32_t round) override {
    if (!left_out_.left_out.empty()) return;
    try {
      start_.in_there([&] { start(round); });
    } catch (const Error& error) {
      left_out_.left_out = error.what();
    }
  }

  Contender result() const override {
    return left_out_.left_out.empty() ? samples_.result() : left_out_;
  }

 private:
  void start(std::uint32_t round) {
    const auto start_one = [&] { return start_program(*stage_, start_.words()); };
    samples_.add_start(round, start_one().finish());
    if (round == 0 || round > kCostlyRounds) return;
    samples_.add_parallel_starts(round, wish_.parallel, start_one);
  }

  std::shared_ptr<const Stage> stage_;
  Contender left_out_;
  Start start_;
  Wish wish_;
  Samples samples_;
};

std::shared_ptr<Stage> set_stage(Store& store, const Subject& subject, const PlacedProbe& probe) {
  auto stage = std::make_shared<Stage>(store, subject, probe);
  stage->directory = make_or_open_dir_at(probe.directory, "peers", 0700);
  stage->path = fmt::format("{}/peers", probe.directory_path);
  stage->probe_path = fmt::format("{}/{}", stage->path, kBundleProbe);
  write_new_file(stage->directory, kBundleProbe, probe_program(), 0555);
  make_rootfs(*stage);
  return stage;
}

} // namespace

std::vector<std::unique_ptr<Turn>> peer_turns(Store& store, const Subject& subject,
                                              const PlacedProbe& probe, const Wish& wish,
                                              std::vector<Contender>& left_out) {
  const std::array<Peer, 3> peers{Peer{"bwrap", ready_bubblewrap}, Peer{"runc", ready_runc},
                                  Peer{"podman", ready_podman}};
  const std::shared_ptr<Stage> stage = set_stage(store, subject, probe);
  std::vector<std::unique_ptr<Turn>> turns;
  for (const Peer& peer : peers) {
    Contender contender{peer.name, Kind::peer};
    try {
      if (!find_in_path(peer.name)) throw Error(ErrorKind::not_found, "it is not installed");
      auto turn = std::make_unique<PeerTurn>(stage, contender, peer.ready(*stage), wish);
      turns.push_back(std::move(turn));
    } catch (const Error& error) {
      contender.left_out = error.what();
      left_out.push_back(std::move(contender));
    }
  }
  return turns;
}

} // namespace layerbox::bench
