// Names of images: what was read is written so that it is read as the same.
#include "store/image_ref.hpp"

#include "tests/fuzz/target.hpp"

namespace layerbox::fuzz {

bool run_image_ref(std::string_view input) {
  const auto ref = accepted([&] { return ImageRef::parse(input); });
  if (!ref) return false;
  const auto again = accepted([&] { return ImageRef::parse(ref->str()); });
  require(again.has_value(), "a name that was accepted is accepted as it is written");
  require(again->name == ref->name && again->tag == ref->tag, "it is the same name then");
  require(!ref->tag.empty() || again->digest == ref->digest, "it is the same digest then");
  require(ref->name.size() <= ImageRef::kMaxNameBytes && ref->tag.size() <= ImageRef::kMaxTagBytes,
          "names and tags keep to their limits");
  return true;
}

std::vector<std::string> image_ref_seeds() {
  return {"debian",
          "debian:12",
          "example.org:5000/a/b:1.2",
          "docker.io/library/debian",
          "docker.io/example.org/a",
          "index.docker.io/library/debian:12",
          "library/debian",
          "localhost/tool",
          "[2001:db8::1]:5000/a:x",
          "Example.ORG/a__b---c",
          "debian:12@sha256:" + std::string(64, 'a'),
          "../a",
          "a:.x"};
}

} // namespace layerbox::fuzz
