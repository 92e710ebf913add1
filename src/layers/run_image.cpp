#include "layers/run_image.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "layers/stored_image.hpp"
#include "store/store_moment.hpp"

namespace layerbox {
namespace {

using Texts = std::vector<std::string>;

// Of what is written down: another program's, of this boot, may differ.
constexpr std::string_view kForm = "run image 1";

// Numbers in 4 bytes, texts behind their size, lists behind their count. It never leaves the
// machine.
class Packer {
 public:
  void put(std::size_t number) {
    std::array<char, sizeof(std::uint32_t)> bytes{};
    const auto narrow = static_cast<std::uint32_t>(number);
    std::memcpy(bytes.data(), &narrow, sizeof narrow);
    text_.append(bytes.data(), bytes.size());
  }
  void put(std::string_view text) {
    put(text.size());
    text_ += text;
  }
  void put(const Texts& texts) {
    put(texts.size());
    for (const std::string& text : texts)
      put(text);
  }
  void put(const std::optional<Texts>& texts) {
    put(std::size_t{texts.has_value()});
    if (texts) put(*texts);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view text) : text_(text) {}

  std::size_t number() {
    std::uint32_t value = 0;
    const std::string_view bytes = next(sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(next(number())); }
  Texts texts() {
    Texts all;
    for (std::size_t left = number(); left > 0; --left)
      all.push_back(text());
    return all;
  }
  std::optional<Texts> maybe_texts() {
    if (number() == 0) return std::nullopt;
    return texts();
  }
  bool is_at_end() const { return text_.empty(); }

 private:
  std::string_view next(std::size_t size) {
    if (size > text_.size()) throw Error(ErrorKind::corrupt, "a remembered image is cut");
    const std::string_view part = text_.substr(0, size);
    text_.remove_prefix(size);
    return part;
  }
  std::string_view text_;
};

RunImage read_run_image(Store& store, std::string_view reference) {
  StoredImage image = find_image(store, reference);
  return {image.row.id, std::move(image.row.layers), std::move(image.config.process)};
}

Digest digest_of(const std::string& hex) {
  const auto digest = Digest::from_hex(hex);
  if (!digest) throw Error(ErrorKind::corrupt, "a remembered image has no id");
  return *digest;
}

} // namespace

std::string run_image_text(std::string_view reference, const RunImage& image) {
  Packer packer;
  packer.put(kForm);
  packer.put(reference);
  packer.put(image.id.hex());
  packer.put(image.layers.size());
  for (const LayerKey& layer : image.layers)
    packer.put(layer.str());
  const ImageProcess& process = image.process;
  packer.put(process.entrypoint);
  packer.put(process.cmd);
  packer.put(process.env);
  packer.put(process.user);
  packer.put(process.working_dir);
  packer.put(process.labels.size());
  for (const auto& [key, value] : process.labels) {
    packer.put(key);
    packer.put(value);
  }
  packer.put(process.exposed_ports);
  packer.put(process.volumes);
  packer.put(process.stop_signal);
  return packer.take();
}

std::optional<RunImage> parse_run_image(std::string_view reference, std::string_view text) {
  try {
    Unpacker unpacker(text);
    if (unpacker.text() != kForm || unpacker.text() != reference) return std::nullopt;
    RunImage image;
    image.id = digest_of(unpacker.text());
    for (std::size_t left = unpacker.number(); left > 0; --left) {
      const auto layer = LayerKey::parse(unpacker.text());
      if (!layer) return std::nullopt;
      image.layers.push_back(*layer);
    }
    ImageProcess& process = image.process;
    process.entrypoint = unpacker.maybe_texts();
    process.cmd = unpacker.maybe_texts();
    process.env = unpacker.texts();
    process.user = unpacker.text();
    process.working_dir = unpacker.text();
    for (std::size_t left = unpacker.number(); left > 0; --left) {
      std::string key = unpacker.text();
      process.labels.emplace(std::move(key), unpacker.text());
    }
    process.exposed_ports = unpacker.texts();
    process.volumes = unpacker.texts();
    process.stop_signal = unpacker.text();
    if (!unpacker.is_at_end()) return std::nullopt;
    return image;
  } catch (const Error&) {
    return std::nullopt;
  }
}

RunImage find_run_image(Store& store, const std::string& reference, Remember remembering) {
  const auto moment = StoreMoment::now(store.root(), StoreMoment::Of::database);
  const RelPath place = remembered_place("images", reference);
  if (moment)
    if (const auto text = recall(store.root(), place, *moment))
      if (auto image = parse_run_image(reference, *text)) return std::move(*image);
  RunImage image = read_run_image(store, reference);
  if (moment && remembering == Remember::yes)
    remember(store.root(), place, *moment, run_image_text(reference, image));
  return image;
}

} // namespace layerbox
