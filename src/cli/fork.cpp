// fork: another container that begins with the files of one.
#include <fcntl.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/new_container.hpp"
#include "cli/output.hpp"
#include "cli/reading_container.hpp"
#include "cli/recipe.hpp"
#include "cli/spec_json.hpp"
#include "cli/verbs.hpp"
#include "layers/container_parts.hpp"
#include "layers/snapshots.hpp"
#include "store/event_log.hpp"
#include "store/image_use.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

// What is said of the other container, of one that has not run yet.
ContainerState forked_state(const ContainerState& from, const std::string& name) {
  ContainerState state;
  state.id = new_container_id();
  state.name = name;
  state.keep = Keep::kept;
  state.image = from.image;
  state.image_name = from.image_name;
  state.layers = from.layers;
  state.command = from.command;
  state.labels = from.labels;
  state.stop_signal = from.stop_signal;
  state.stop_timeout_s = from.stop_timeout_s;
  state.volumes = from.volumes;
  state.network = from.network;
  if (state.network) state.network->addresses.clear();
  if (state.network && state.network->hostname == short_id(from.id))
    state.network->hostname = short_id(state.id);
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  state.created = now.tv_sec;
  state.created_ns = static_cast<std::uint32_t>(now.tv_nsec);
  return state;
}

// What it is made to run, with its own id in the place of the other's: in its host name, and in the
// paths of its volumes.
std::string forked_spec(const std::string& spec, const std::string& from, const std::string& to) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(spec, nullptr, false);
  if (!json.is_object()) return spec;
  if (json.value("hostname", "") == short_id(from)) json["hostname"] = short_id(to);
  std::string text = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at))
    text.replace(at, from.size(), to);
  return text + '\n';
}

class ForkVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "The new container begins with the files that the other one has now, and its volumes "
        "without a name, and runs what that was made to run when it is started: in the same "
        "walls, with the same named volumes. It is on its own from then on. The image's files are "
        "shared, what the container has changed is copied; shared, too, where the file system can "
        "(XFS, btrfs). Prints the new container's id.\n\n"
        "A container that runs is held still meanwhile. Where that is not possible it is read "
        "while it works, which is said.");
    line.operand("CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.operands("NEWNAME", names_, Arity::at_most_one, "what the new one is to be called");
    line.text("--snapshot", snapshot_, "NAME", "begin with the files of that snapshot of it");
    line.flag("--no-pause", no_pause_, "do not hold a running container still");
    line.example("layerbox fork build try", "go on in 'try' from where 'build' is");
    line.example("layerbox start -a $(layerbox fork build)", "the same without a name");
  }

  int run(Invocation& invocation) override {
    if (!names_.empty()) check_container_name(names_.front());
    Store& store = invocation.store();
    return in_trees_namespace(invocation.identity(), [&] {
      store.sweep();
      with_context([&] { return fmt::format("forking container '{}'", reference_); },
                   [&] { print(fork(invocation, store) + '\n'); });
      return static_cast<int>(exit_code::kDone);
    });
  }

 private:
  std::string fork(Invocation& invocation, Store& store) const {
    const bool reads_living = !no_pause_ && !snapshot_;
    const Staging nothing_goes = store.new_staging();
    const ReadingContainer reading(store, reference_, Records::unread,
                                   reads_living ? Pausing::wanted : Pausing::unwanted,
                                   invocation.progress());
    const ContainerState& from = reading.view().state();
    const UniqueFd home =
        open_beneath(store.root(), RelPath::parse(layout::container_dir(from.id)), kOpenDir);
    const Recipe recipe = read_recipe_of(home);
    const std::string spec = read_small_file(home, RelPath::parse(layout::kSpec), kMaxSpecBytes);

    if (from.image) note_image_use(store.root(), *from.image);
    Origin origin;
    origin.gate = store.gate(LockMode::shared);
    NewContainer container(store, origin, &backend_named(from.backend),
                           forked_state(from, names_.empty() ? "" : names_.front()));
    const ContainerState& state = container.state();
    copy_files(store, reading.view(), home, container.lease().dir(), invocation.progress());
    reading.view().require_still_there();
    syncfs_fd(store.root(), "the store");
    write_new_file(container.lease().dir(), layout::kSpec, forked_spec(spec, from.id, state.id),
                   0600);
    write_recipe(container.lease().dir(), recipe);
    container.commit();
    container.rest();
    record_events(store.root(), {container_event(state, "create")});
    return state.id;
  }

  void copy_files(const Store& store, const ContainerView& view, FdRef home, FdRef to,
                  Progress& progress) const {
    const ContainerState& state = view.state();
    PartsOf from{home, state.backend, view.is_running() ? Activity::live : Activity::none};
    UniqueFd snapshot;
    if (snapshot_) {
      snapshot = open_snapshot(home, find_snapshot(home, *snapshot_));
      from = parts_of_snapshot(store, snapshot, state.backend);
    }
    copy_parts(store, from, state.layers, state.backend, to, progress);
  }

  static Recipe read_recipe_of(FdRef home) {
    try {
      return read_recipe(home);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
      throw Error(ErrorKind::unsupported, "it goes when its command ends, and cannot be run again")
          .set_hint("run it with --keep or --name; 'layerbox commit' makes an image of it");
    }
  }

  std::string reference_;
  std::vector<std::string> names_;
  std::optional<std::string> snapshot_;
  bool no_pause_ = false;
};

} // namespace

std::unique_ptr<Verb> make_fork_verb() {
  return std::make_unique<ForkVerb>();
}

} // namespace layerbox
