// rmi: names and images go.
//
// Under the store's gate, held exclusively, nobody can begin to use what is removed: the row goes,
// the files are renamed to trash, and only then, without the gate, they are deleted.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "cli/find_container.hpp"
#include "cli/image_removal.hpp"
#include "cli/open_backend.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/container_mounts.hpp"
#include "store/event_log.hpp"
#include "store/reserve.hpp"
#include "store/trash.hpp"

namespace layerbox {
namespace {

class RmiVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "A name of an image that has others is taken away alone. The last name, or an id, "
        "removes the image and the layers that nothing else uses. An image that a container "
        "uses stays.\n\n"
        "Where these layers have thousands of files, a process goes on to delete them after the "
        "command has returned, unless the disk has less free than they take; 'layerbox prune' "
        "waits for it.");
    line.operands("REF", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    line.flag("-f,--force", force_,
              "remove all names of an id, and the stopped containers that use the image");
    line.example("layerbox rmi debian:12", "remove a name, and the image when it was the last");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    const ReserveInUse room(store.root());
    for (const std::string& reference : references_)
      remove(store, reference);
    const Store::SweepResult swept = sweep(store);
    if (swept.left > 0)
      invocation.progress().warn(
          fmt::format("{} things in the trash are left for later: {}", swept.left, swept.why));
    return exit_code::kDone;
  }

 private:
  void remove(Store& store, const std::string& reference) {
    const RangeLock gate = store.gate(LockMode::exclusive);
    Catalog& catalog = store.catalog();
    const Digest id = catalog.resolve_image(reference);
    const std::optional<ImageRow> image = catalog.image(id);
    if (!image)
      throw Error(ErrorKind::not_found, fmt::format("the image '{}' is just gone", reference));
    const std::optional<std::string> name = name_in(*image, reference);
    if (name && image->names.size() > 1) {
      catalog.untag_image(ImageRef::parse(*name));
      record_events(store.root(), {named_event("image", "untag", id.str(), *name)});
      print(fmt::format("untagged: {}\n", *name));
      return;
    }
    if (!name && image->names.size() > 1 && !force_) {
      Error error(ErrorKind::in_use, fmt::format("removing image {}: it has {} names",
                                                 short_id(id.hex()), image->names.size()));
      error.set_hint(fmt::format("remove them one by one, or all with --force: {}",
                                 fmt::join(image->names, ", ")));
      throw error;
    }
    free_from_containers(store, *image);
    std::vector<LayerRow> layers;
    for (const LayerKey& key : image->layers)
      if (const auto row = catalog.layer(key)) layers.push_back(*row);
    print(removal_text(*image, remove_image(store, *image)));
    for (const LayerRow& layer : layers)
      if (!catalog.layer(layer.key)) {
        gone_bytes_ += layer.size_bytes;
        gone_files_ += layer.entries;
      }
  }

  // Nobody waits for the deleting of many files (ADR 0024), but who needs their room.
  Store::SweepResult sweep(Store& store) const {
    constexpr std::uint64_t kManyFiles = 4'000; // some hundredths of a second
    if (!has_room_beside(store.root(), gone_bytes_, gone_files_))
      return store.sweep(Store::HeldGate::wait);
    return store.sweep(Store::HeldGate::pass,
                       gone_files_ < kManyFiles ? Store::Deleting::now : Store::Deleting::later);
  }

  // The image's name that `reference` means; nothing when it is an id.
  static std::optional<std::string> name_in(const ImageRow& image, const std::string& reference) {
    try {
      const ImageRef ref = ImageRef::parse(reference);
      if (ref.digest) return std::nullopt;
      const std::string name = ref.str();
      if (std::find(image.names.begin(), image.names.end(), name) != image.names.end()) return name;
    } catch (const Error&) {
      // "sha256:…" is an id and no name.
    }
    return std::nullopt;
  }

  void free_from_containers(Store& store, const ImageRow& image) const {
    std::vector<ContainerInfo> users;
    for (ContainerInfo& container : list_containers(store))
      if (container.state.image == image.id) users.push_back(std::move(container));
    for (const ContainerInfo& user : users)
      if (user.held || !force_) refuse(image, user);
    for (const ContainerInfo& user : users) // before any of them goes
      with_context([&] { return fmt::format("container '{}'", display_name(user.state)); },
                   [&] { require_not_mounted(store, user.state.id); });
    for (const ContainerInfo& user : users) {
      auto lease = ContainerLease::try_take(store, user.state.id);
      if (!lease) refuse(image, user);
      end_leftover(store, *lease);
      remove_container(store, *lease);
      record_events(store.root(), {container_event(lease->state(), "remove")});
    }
  }

  [[noreturn]] static void refuse(const ImageRow& image, const ContainerInfo& user) {
    Error error(ErrorKind::in_use,
                fmt::format("removing image {}: the {} container '{}' uses it",
                            short_id(image.id.hex()), state_word(user), display_name(user.state)));
    error.set_hint(user.held
                       ? fmt::format("end it with 'layerbox rm -f {}'", display_name(user.state))
                       : fmt::format("remove it with 'layerbox rm {}', or both with --force",
                                     display_name(user.state)));
    throw error;
  }

  std::vector<std::string> references_;
  bool force_ = false;
  std::uint64_t gone_bytes_ = 0; // of what the trash has got
  std::uint64_t gone_files_ = 0;
};

} // namespace

std::unique_ptr<Verb> make_rmi_verb() {
  return std::make_unique<RmiVerb>();
}

} // namespace layerbox
