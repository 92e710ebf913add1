#include "layers/derived_image.hpp"

#include <limits>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "layers/oci/layer_importer.hpp"
#include "layers/tar/produced_pipe.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/image_use.hpp"

namespace layerbox {
namespace {

// sha256 of two zero blocks: the tar of a layer that changes nothing, as docker knows it.
const Digest& empty_layer() {
  static const Digest kDigest =
      Digest::parse("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
  return kDigest;
}

// The tar is of our own making, of files that are on this disk.
ImportLimits own_limits() {
  constexpr std::uint32_t kMost32 = std::numeric_limits<std::uint32_t>::max();
  constexpr std::uint64_t kMost64 = std::numeric_limits<std::int64_t>::max();
  ImportLimits limits;
  limits.max_entries = kMost64 / 4; // DirWriter counts twice as many
  limits.max_bytes = kMost64;
  limits.max_depth = limits.max_xattr_bytes = limits.max_xattrs = kMost32;
  limits.max_pax_bytes = std::uint64_t{64} << 20;
  return limits;
}

class Making {
 public:
  Making(Store& store, const Staging& staging, const StoredImage& parent, DerivedImage image,
         Progress& progress)
      : store_(store), parent_(parent), image_(std::move(image)), progress_(progress),
        importer_(store, staging, limits_, progress) {}

  MadeImage run() {
    note_image_use(store_.root(), parent_.row.id);
    std::vector<LayerKey> layers = image_.below;
    if (layers.size() >= ImportLimits().max_layers)
      throw Error(ErrorKind::limit_exceeded, "the image would have more than " +
                                                 std::to_string(ImportLimits().max_layers) +
                                                 " layers")
          .set_hint("'layerbox squash' makes one of them");
    const LayerKey key = make_layer();
    if (image_.before_publish) image_.before_publish();
    if (key.diff_id == empty_layer())
      importer_.forget(key);
    else
      layers.push_back(key);
    made_.has_new_layer = layers.size() > image_.below.size();
    importer_.lock_unpacked();
    importer_.commit();
    publish(layers);
    return made_;
  }

 private:
  LayerKey make_layer() {
    return with_context([&] { return image_.title; },
                        [&] {
                          ProducedPipe tar;
                          try {
                            const LayerKey key = unpack(tar);
                            tar.finish();
                            return key;
                          } catch (const Error&) {
                            tar.finish(); // it ended too early because this failed
                            throw;
                          }
                        });
  }

  LayerKey unpack(ProducedPipe& tar) {
    const auto produce = [this](Sink& out) {
      TarWriter writer(out, TarKind::layer);
      image_.tell(writer);
    };
    const FdRef fd = tar.reader();
    StoredLayer stored{{std::make_unique<FdSource>(fd, image_.title), 0, fd}};
    stored.begun = [&] { tar.start(produce); };
    return importer_.unpack(std::move(stored), {std::nullopt, image_.title, 0, 0}, image_.below);
  }

  void publish(const std::vector<LayerKey>& layers) {
    image_.child.step.empty_layer = !made_.has_new_layer;
    for (const LayerKey& key : layers)
      image_.child.diff_ids.push_back(key.diff_id);
    const ImageConfig config = parse_image_config(child_config_bytes(parent_.config, image_.child));
    made_.id = config.id;
    NewImage fresh;
    fresh.image.id = config.id;
    fresh.image.chain = chain_of(layers).value_or(Digest());
    fresh.image.layers = layers;
    if (image_.name) fresh.image.names = {image_.name->str()};
    for (const LayerKey& key : layers)
      fresh.image.size_bytes += importer_.row(key).size_bytes;
    fresh.image.created = config.created;
    fresh.image.os = config.os;
    fresh.image.architecture = config.architecture;
    fresh.layers = importer_.take_new_rows(layers);
    store_.put_blob(config.id, config.bytes);
    fault_point("layers.derived_image.before_publish");
    for (const auto& [name, old_id] : store_.catalog().publish_image(fresh))
      made_.lost_name = old_id;
  }

  Store& store_;
  const StoredImage& parent_;
  DerivedImage image_;
  Progress& progress_;
  ImportLimits limits_ = own_limits();
  LayerImporter importer_;
  MadeImage made_;
};

} // namespace

MadeImage make_derived_image(Store& store, const Staging& staging, const StoredImage& parent,
                             DerivedImage image, Progress& progress) {
  return Making(store, staging, parent, std::move(image), progress).run();
}

} // namespace layerbox
