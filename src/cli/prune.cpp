// prune: what nothing uses goes, and images that were not used for long.
//
// What the disk holds is measured and chosen without any lock, which takes long. Then each image is
// looked at again under the store's gate, held exclusively for that moment, because a container may
// have been started meanwhile; what is deleted is deleted after.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/utc_time.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/format_option.hpp"
#include "cli/image_removal.hpp"
#include "cli/moment.hpp"
#include "cli/prune_plan.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "store/container_users.hpp"
#include "store/image_use.hpp"
#include "store/reserve.hpp"
#include "store/trash.hpp"

namespace layerbox {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::vector<std::string> image_of(const ContainerState& state) {
  if (!state.image) return {};
  return {state.image->str()};
}

bool is_there(const Store& store, const std::string& path) {
  const RelPath name = RelPath::parse(path);
  const auto parent = try_open_beneath(store.root(), name.parent(), O_PATH | O_DIRECTORY);
  return parent && try_stat_at(*parent, std::string(name.filename()).c_str());
}

class PruneVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Removes images that have no name and no container, running or kept, with the layers that "
        "no other image and no container has; throw-away containers and half-done imports whose "
        "layerbox was killed; and all other garbage. Running containers and imports go on beside "
        "it, and keep what they use.\n\n"
        "Never removed: kept containers, also those that do not run ('rm' does that), volumes "
        "('volume prune') and networks ('network prune').\n\n"
        "--all removes images with names, too, and what backends derived of images that stay, "
        "which the next container makes again, unless a container has it, and what 'fsck --repair' "
        "has "
        "set apart. --older-than leaves "
        "images, and what was derived of them, that were used since: 90s, 10m, 2h, 7d ago, or "
        "since 2026-01-31T12:00:00Z. An image is used when it is imported or made, when a "
        "container of it is created or started, and by commit, squash, save and mount.\n\n"
        "--keep-size removes images, named or not, until layers take no more than SIZE on the "
        "disk, as 'du' counts: those whose last use is the longest ago first. Images without a "
        "name go in any case. Where the rest is in use, or was used too lately for --older-than, "
        "what can go goes, and the exit status is 1: what was asked for is not so.\n\n"
        "Prints what was removed, names and images as 'rmi' does and all other things by their "
        "path in the store, and the space that this freed: what removed things took, without what "
        "images that stay share with them. It works on a full disk, too.\n\n"
        "The JSON document is an object: dry_run, images (id, names, last_used), things (type: "
        "layer, config, container, derived, damaged or leftover; path; disk_bytes), freed_bytes, "
        "layers_left_bytes.");
    line.flag("-a,--all", all_,
              "images with names, too, what can be made again, and what is damaged");
    line.text("--older-than", older_than_, "D", "leave images that were used since: 7d");
    line.text("--keep-size", keep_size_, "SIZE", "only until layers take no more: 20g");
    line.flag("-n,--dry-run", dry_run_, "print the same, and remove nothing");
    format_.declare(line);
    line.example("layerbox prune --dry-run", "see what nothing uses");
    line.example("layerbox prune --all --older-than 30d", "what was not used for a month");
    line.example("layerbox prune --keep-size 20g", "what was used least recently, for a timer");
  }

  int run(Invocation& invocation) override {
    if (older_than_)
      request_.unused_since_ns =
          parse_moment("prune: --older-than", *older_than_, now_utc().tv_sec) * kSecond;
    if (keep_size_) request_.keep_layers_bytes = parse_size(*keep_size_);
    if (all_) request_.named = NamedImages::go;
    if (all_) request_.derived = DerivedTrees::go;
    if (all_) request_.apart = SetApart::go;
    Store* store = invocation.existing_store();
    if (store == nullptr) {
      tell({});
      return exit_code::kDone;
    }
    return in_trees_namespace(invocation.identity(), [&] {
      if (dry_run_)
        tell(measured_plan(*store));
      else
        prune(*store, invocation.progress());
      return exit_code::kDone;
    });
  }

 private:
  PrunePlan measured_plan(Store& store) const {
    return with_context([] { return "measuring the store"; },
                        [&] { return plan_prune(measure_store(store), request_); });
  }

  // Where there is no reserve any more, what needs no database to go may make the room for it.
  PrunePlan plan_on_a_full_disk(Store& store) const {
    try {
      return measured_plan(store);
    } catch (const Error&) {
      store.sweep(Store::HeldGate::wait);
      return measured_plan(store);
    }
  }

  void prune(Store& store, Progress& progress) {
    const ReserveInUse room(store.root());
    PrunePlan plan = plan_on_a_full_disk(store);
    store.sweep(Store::HeldGate::wait); // before more rows are changed: this makes room
    std::optional<Error> failure;
    std::vector<ImageUsage> gone;
    try {
      remove_unused(store, plan.images, gone);
      remove_derived(store, plan);
      for (const PrunedThing& thing : plan.things)
        if (thing.kind == PrunedKind::damaged) store.move_to_trash(thing.path);
    } catch (const Error& error) {
      failure = error; // what was removed is told all the same
    }
    plan.images = std::move(gone);
    const Store::SweepResult swept = store.sweep(Store::HeldGate::wait);
    if (swept.left > 0)
      progress.warn(
          fmt::format("{} things in the trash are left for later: {}", swept.left, swept.why));
    plan = what_is_gone(store, std::move(plan));
    if (failure) {
      show(plan);
      throw Error(*failure);
    }
    tell(plan);
  }

  static void remove_unused(Store& store, const std::vector<ImageUsage>& images,
                            std::vector<ImageUsage>& gone) {
    for (std::size_t at = 0; at < images.size();) {
      const std::size_t count = std::min(images.size() - at, images_at_a_time(store));
      remove_together(store, std::span(images).subspan(at, count), gone);
      at += count;
    }
  }

  // Each write of the disk takes milliseconds. On a full one the next row needs the room of the
  // files before; and who starts a container waits for the gate.
  static std::size_t images_at_a_time(const Store& store) {
    constexpr std::uint64_t kMuchRoom = std::uint64_t{64} << 20;
    constexpr std::size_t kSome = 50;
    return has_room_beside(store.root(), kMuchRoom, 0) ? kSome : 1;
  }

  // Not those that are not as they were found any more: used, named, or removed.
  static void remove_together(Store& store, std::span<const ImageUsage> found,
                              std::vector<ImageUsage>& gone) {
    {
      const RangeLock gate = store.gate(LockMode::exclusive);
      const ContainerUsers users = all_container_users(store, image_of);
      std::vector<ImageRow> rows;
      std::vector<const ImageUsage*> usages;
      for (const ImageUsage& one : found) {
        std::optional<ImageRow> image = store.catalog().image(one.row.id);
        if (!image || image->names != one.row.names ||
            last_image_use_ns(store.root(), image->id) != one.last_used_ns ||
            users.contains(image->id.str()))
          continue;
        rows.push_back(std::move(*image));
        usages.push_back(&one);
      }
      if (rows.empty()) return;
      const std::vector<ImageEnd> ends = remove_images(store, rows);
      for (std::size_t i = 0; i < ends.size(); ++i)
        if (ends[i] == ImageEnd::deleted) gone.push_back(*usages[i]);
    }
    // At once: on a full disk the next row needs the room.
    empty_trash(store.root(), store.identity(), HeldTrash::wait);
  }

  // Of images that stay; the sweep takes the others.
  void remove_derived(Store& store, const PrunePlan& plan) const {
    if (request_.derived == DerivedTrees::stay) return;
    const RangeLock gate = store.gate(LockMode::exclusive);
    const ContainerUsers users = all_container_users(store, derived_of);
    for (const PrunedThing& thing : plan.things)
      if (thing.kind == PrunedKind::derived && !users.contains(thing.path))
        store.move_to_trash(thing.path);
  }

  // Somebody may have come to use a thing, and what cannot be deleted lies in the trash.
  static PrunePlan what_is_gone(const Store& store, PrunePlan plan) {
    for (const PrunedThing& thing : plan.things)
      if (thing.kind == PrunedKind::layer && is_there(store, thing.path))
        plan.layers_left_bytes += thing.disk_bytes;
    std::erase_if(plan.things,
                  [&](const PrunedThing& thing) { return is_there(store, thing.path); });
    return plan;
  }

  void show(const PrunePlan& plan) const {
    if (format_.json())
      print_json(document(plan));
    else
      print(text(plan));
  }

  void tell(const PrunePlan& plan) const {
    show(plan);
    if (!request_.keep_layers_bytes || plan.layers_left_bytes <= *request_.keep_layers_bytes)
      return;
    throw Error(ErrorKind::in_use,
                fmt::format("keeping layers within {}: {} are in use{}",
                            human_size(*request_.keep_layers_bytes),
                            human_size(plan.layers_left_bytes),
                            request_.unused_since_ns ? ", or were not long ago" : ""))
        .set_hint("'layerbox ps -a' shows the containers that use them, 'layerbox rm' removes one");
  }

  nlohmann::ordered_json document(const PrunePlan& plan) const {
    auto images = nlohmann::ordered_json::array();
    for (const ImageUsage& image : plan.images)
      images.push_back({{"id", image.row.id.str()},
                        {"names", image.row.names},
                        {"last_used", rfc3339(image.last_used_ns / kSecond)}});
    auto things = nlohmann::ordered_json::array();
    for (const PrunedThing& thing : plan.things)
      things.push_back(
          {{"type", word_of(thing.kind)}, {"path", thing.path}, {"disk_bytes", thing.disk_bytes}});
    return {{"dry_run", dry_run_},
            {"images", std::move(images)},
            {"things", std::move(things)},
            {"freed_bytes", plan.disk_bytes()},
            {"layers_left_bytes", plan.layers_left_bytes}};
  }

  std::string text(const PrunePlan& plan) const {
    std::string lines;
    for (const ImageUsage& image : plan.images)
      lines += removal_text(image.row, ImageEnd::deleted);
    for (const PrunedThing& thing : plan.things)
      if (thing.kind != PrunedKind::config) // the image has been told
        lines += fmt::format("deleted: {}\n", printable(thing.path));
    return lines + fmt::format("{}: {}\n", dry_run_ ? "would free" : "freed",
                               human_size(plan.disk_bytes()));
  }

  PruneRequest request_;
  bool all_ = false;
  bool dry_run_ = false;
  std::optional<std::string> older_than_;
  std::optional<std::string> keep_size_;
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_prune_verb() {
  return std::make_unique<PruneVerb>();
}

} // namespace layerbox
