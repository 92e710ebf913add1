// image_ref: the names people give to images.
//
//     ImageRef::parse("debian")                    debian:latest
//     ImageRef::parse("example.org:5000/a/b:1.2")  name example.org:5000/a/b, tag 1.2
//     ImageRef::parse("debian@sha256:…")           name debian, digest …
//
// Source: distribution/reference grammar (OCI distribution-spec, "Pulling manifests"). Names that
// docker writes in full are shortened as docker shows them: docker.io/library/debian → debian.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace layerbox {

struct ImageRef {
  std::string name;             // repository, lower case
  std::string tag;              // "latest" when none was given and there is no digest
  std::optional<Digest> digest; // the image id or manifest that is meant

  static constexpr std::size_t kMaxNameBytes = 255;
  static constexpr std::size_t kMaxTagBytes = 128;

  // Throws Error(invalid_argument) that quotes `text` and says which rule it breaks.
  static ImageRef parse(std::string_view text);
  std::string str() const; // NAME:TAG

  friend auto operator<=>(const ImageRef&, const ImageRef&) = default;
};

} // namespace layerbox
