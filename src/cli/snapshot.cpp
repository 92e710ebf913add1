// snapshot: what a container's files are now is kept with it.
#include <fcntl.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/error_report.hpp"
#include "cli/find_container.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/reading_container.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "layers/snapshots.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

class SnapshotVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Keeps what the container wrote, and its volumes without a name, under NAME, or under the "
        "next number, and prints that. 'layerbox rollback' goes back to it, 'layerbox fork' makes "
        "another container of it. It takes the time and the space of what the container has "
        "changed, not of its image; no space where the file system shares blocks (XFS, btrfs). It "
        "goes with the container.\n\n"
        "A container that runs is held still meanwhile. Where that is not possible it is read "
        "while it works, which is said.");
    line.operand("CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.operands("NAME", names_, Arity::at_most_one, "letters, digits, '_', '.' and '-'");
    line.flag("-l,--list", list_, "list the container's snapshots, the oldest first");
    line.flag("--remove", remove_, "remove the snapshot NAME").excludes("--list");
    line.flag("--no-pause", no_pause_, "do not hold a running container still");
    format_.declare(line);
    line.example("layerbox snapshot build before", "keep the files of 'build' as 'before'");
    line.example("layerbox snapshot --list build", "what there is to go back to");
  }

  int run(Invocation& invocation) override {
    if (list_ && !names_.empty()) throw UsageError("snapshot: --list takes no name");
    if (remove_ && names_.empty()) throw UsageError("snapshot: --remove: no name is given");
    Store& store = invocation.store();
    if (list_) return list(store);
    return in_trees_namespace(invocation.identity(), [&] {
      store.sweep();
      with_context(
          [&] {
            return fmt::format("{} snapshot of container '{}'", remove_ ? "removing a" : "making a",
                               reference_);
          },
          [&] { remove_ ? remove(store) : take(invocation, store); });
      return static_cast<int>(exit_code::kDone);
    });
  }

 private:
  std::string name() const { return names_.empty() ? "" : names_.front(); }

  void take(Invocation& invocation, Store& store) const {
    const Staging staging = store.new_staging();
    const ReadingContainer container(store, reference_, Records::unread,
                                     no_pause_ ? Pausing::unwanted : Pausing::wanted,
                                     invocation.progress());
    print(take_snapshot(store, staging, container.view(), name(), invocation.progress()) + '\n');
  }

  void remove(Store& store) const {
    const ContainerInfo found = find_container(list_containers(store), reference_);
    remove_snapshot(store, found.state.id, name());
    print(name() + '\n');
    store.sweep();
  }

  int list(const Store& store) const {
    const ContainerInfo found = find_container(list_containers(store), reference_);
    const std::vector<Snapshot> snapshots = list_snapshots(open_beneath(
        store.root(), RelPath::parse(layout::container_dir(found.state.id)), kOpenDir));
    if (format_.json()) {
      auto document = nlohmann::ordered_json::array();
      for (const Snapshot& snapshot : snapshots)
        document.push_back({{"name", snapshot.name}, {"created", rfc3339(snapshot.created)}});
      print_json(document);
      return exit_code::kDone;
    }
    Table table({{"NAME"}, {"CREATED"}});
    const std::int64_t now = std::time(nullptr);
    for (const Snapshot& snapshot : snapshots)
      table.row({snapshot.name, human_age(snapshot.created, now)});
    print(table.text());
    return exit_code::kDone;
  }

  std::string reference_;
  std::vector<std::string> names_;
  bool list_ = false;
  bool remove_ = false;
  bool no_pause_ = false;
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_snapshot_verb() {
  return std::make_unique<SnapshotVerb>();
}

} // namespace layerbox
