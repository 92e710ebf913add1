// images: what images there are.
#include <fmt/format.h>

#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/format_option.hpp"
#include "cli/image_filter.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "store/image_use.hpp"

namespace layerbox {
namespace {

class ImagesVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "An image with several names has a line for each. SHARED is the part of its size "
        "that lies in layers which other images have, too.\n\n"
        "Filters: 'reference' is NAME or NAME:TAG with *, ? and [a-z], none of which is "
        "a '/', and leaves other names out; 'label' K or K=V of the image's config; "
        "'dangling' is true for images without a name; 'before' and 'since' an image that "
        "was created later or earlier.\n\n"
        "The JSON document is an array of objects: id, names, layers (how many), "
        "size_bytes, shared_bytes, created, last_used, os, architecture. last_used is when "
        "it was imported or made, or last the base of a container that was created or "
        "started, of a commit or squash, saved, or mounted; 'prune' goes by it.");
    filter_.declare(line);
    list_.declare(line);
    line.example("layerbox images", "list all images");
    line.example("layerbox images --filter 'reference=debian:*'", "the tags of one name");
    line.example("layerbox images --format json | jq -r '.[].names[]'", "all names, for a program");
  }

  int run(Invocation& invocation) override {
    filter_.read();
    Store& store = invocation.swept_store();
    const Catalog& catalog = store.catalog();
    images_ = catalog.images();
    for (const LayerRow& layer : catalog.layers())
      sizes_[layer.key] = layer.size_bytes;
    for (const ImageRow& image : images_)
      for (const LayerKey& layer : image.layers)
        ++uses_[layer];
    images_ = filter_.chosen(store, std::move(images_)); // what is shared, is so with all
    list_.print_listing(
        ids(), [&] { return document(store.root()); }, [this] { return table(); });
    return exit_code::kDone;
  }

 private:
  std::uint64_t shared_bytes(const ImageRow& image) const {
    std::uint64_t bytes = 0;
    for (const LayerKey& layer : image.layers)
      if (uses_.at(layer) > 1 && sizes_.contains(layer)) bytes += sizes_.at(layer);
    return bytes;
  }

  std::vector<std::string> ids() const {
    std::vector<std::string> list;
    for (const ImageRow& image : images_)
      list.push_back(image.id.str());
    return list;
  }

  nlohmann::ordered_json document(FdRef root) const {
    auto list = nlohmann::ordered_json::array();
    for (const ImageRow& image : images_)
      list.push_back({{"id", image.id.str()},
                      {"names", image.names},
                      {"layers", image.layers.size()},
                      {"size_bytes", image.size_bytes},
                      {"shared_bytes", shared_bytes(image)},
                      {"created", image.created},
                      {"last_used", rfc3339(last_image_use_ns(root, image.id) / 1'000'000'000)},
                      {"os", image.os},
                      {"architecture", image.architecture}});
    return list;
  }

  std::string table() const {
    Table table({{"NAME"},
                 {"TAG"},
                 {"ID"},
                 {"LAYERS", Align::right},
                 {"SIZE", Align::right},
                 {"SHARED", Align::right},
                 {"CREATED"}});
    const std::int64_t now = std::time(nullptr);
    for (const ImageRow& image : images_) {
      const std::int64_t created = parse_rfc3339(image.created);
      const std::vector<std::string> unnamed{"<none>:<none>"};
      for (const std::string& name : image.names.empty() ? unnamed : image.names) {
        const std::size_t colon = name.rfind(':');
        table.row({name.substr(0, colon), name.substr(colon + 1), short_id(image.id.hex()),
                   std::to_string(image.layers.size()), human_size(image.size_bytes),
                   human_size(shared_bytes(image)), created < 0 ? "-" : human_age(created, now)});
      }
    }
    return table.text();
  }

  ImageFilter filter_;
  ListOptions list_;
  std::vector<ImageRow> images_;
  std::map<LayerKey, std::uint64_t> sizes_;
  std::map<LayerKey, std::size_t> uses_; // by how many images
};

} // namespace

std::unique_ptr<Verb> make_images_verb() {
  return std::make_unique<ImagesVerb>();
}

} // namespace layerbox
