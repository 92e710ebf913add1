// save: images as an archive.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/output_file.hpp"
#include "cli/verbs.hpp"
#include "layers/save_images.hpp"
#include "store/event_log.hpp"
#include "store/image_ref.hpp"
#include "store/image_use.hpp"

namespace layerbox {
namespace {

// The image's name that `reference` is; nothing when it is an id.
std::optional<std::string> name_in(const ImageRow& image, const std::string& reference) {
  try {
    const ImageRef ref = ImageRef::parse(reference);
    const std::string name = ref.str();
    const bool has = std::find(image.names.begin(), image.names.end(), name) != image.names.end();
    if (!ref.digest && has) return name;
  } catch (const Error&) {
    // "sha256:…" is an id and no name.
  }
  return std::nullopt;
}

class SaveVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "docker, podman, skopeo and layerbox itself load the archive. Images keep their ids, and "
        "layers are the tars that they came in. An image that is given by a name has that name in "
        "the archive; one that is given by its id has none.\n\n"
        "--compress compresses a docker-archive as a whole, and each layer of an OCI archive, "
        "where gzip is the default.\n\n"
        "FILE is there when it is whole, and what had its name before is there until then.");
    line.operands("REF", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    line.text("-o,--output", output_, "FILE", "write to this file, not to standard output");
    line.text("--type", type_, "KIND", "docker-archive or oci").choices({"docker-archive", "oci"});
    line.text("--compress", compression_, "KIND", "gzip, zstd or none")
        .choices({"gzip", "zstd", "none"});
    line.example("layerbox save -o debian.tar debian:12", "one image, for 'docker load'");
    line.example(
        "layerbox save --type oci --compress zstd app:1 app:2 | ssh host layerbox pull-tar -",
        "two images that share layers, to another machine");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.store();
    return in_trees_namespace(invocation.identity(), [&] { return write(invocation, store); });
  }

 private:
  int write(Invocation& invocation, Store& store) {
    store.sweep();
    const Staging staging = store.new_staging();
    for (const std::string& reference : references_)
      with_context([&] { return fmt::format("image '{}'", reference); },
                   [&] { take(store, reference); });
    OutputFile out(output_, "saving", invocation.progress());
    save_images(store, staging, images_, options(), out);
    out.commit();
    tell(store);
    return exit_code::kDone;
  }

  void tell(const Store& store) const {
    std::vector<Event> events;
    for (const SavedImage& saved : images_)
      events.push_back(named_event("image", "save", saved.image.row.id.str(),
                                   saved.names.empty() ? "" : saved.names.front()));
    record_events(store.root(), events);
  }

  void take(Store& store, const std::string& reference) {
    StoredImage image = find_image(store, reference);
    note_image_use(store.root(), image.row.id);
    const std::optional<std::string> name = name_in(image.row, reference);
    auto there = std::find_if(images_.begin(), images_.end(), [&](const SavedImage& other) {
      return other.image.row.id == image.row.id;
    });
    if (there == images_.end()) there = images_.insert(there, {std::move(image), {}});
    std::vector<std::string>& names = there->names;
    if (name && std::find(names.begin(), names.end(), *name) == names.end()) names.push_back(*name);
  }

  SaveOptions options() const {
    const bool oci = type_ == "oci";
    const std::string word = compression_.value_or(oci ? "gzip" : "none");
    return {oci ? ArchiveType::oci : ArchiveType::docker_archive, word == "gzip" ? Compression::gzip
                                                                  : word == "zstd"
                                                                      ? Compression::zstd
                                                                      : Compression::none};
  }

  std::vector<std::string> references_;
  std::optional<std::string> output_;
  std::string type_ = "docker-archive";
  std::optional<std::string> compression_;
  std::vector<SavedImage> images_;
};

} // namespace

std::unique_ptr<Verb> make_save_verb() {
  return std::make_unique<SaveVerb>();
}

} // namespace layerbox
