// oci_layout: the images of an OCI image layout, in a directory or a tar.
//
// index.json lists manifests and indexes, each under blobs/sha256/. An index stands for one image
// in several variants: the one for the wanted platform is taken, at any depth; a manifest whose
// descriptor does not say its platform is for what its config says. What a builder put
// beside images (attestations, media types that are not known) is passed over. Every document must
// have the digest and size of its descriptor.
//
// Names come from the annotations io.containerd.image.name ("docker.io/library/debian:12") and
// org.opencontainers.image.ref.name. A bare word of the latter ("v1", "latest") is the tag that
// skopeo, buildah and umoci give an image inside its layout: such an image has no name, and is
// selected by its tag.
//
// Source: OCI image-spec image-layout.md, image-index.md, annotations.md.
#pragma once

#include <string>
#include <vector>

#include "layers/import_limits.hpp"
#include "layers/oci/platform.hpp"
#include "layers/oci/source_image.hpp"

namespace layerbox {

struct OciQuery {
  Platform platform;               // of indexes, the manifest for it is taken
  bool platform_asked = false;     // index.json itself is searched for it too
  std::vector<std::string> select; // a manifest's digest among these is taken on any platform
};

// Indexes inside each other, and documents read in all: an archive cannot make us read for ever.
inline constexpr int kMaxIndexDepth = 8;
inline constexpr std::size_t kMaxOciDocuments = 10'000;

bool is_oci_layout(const SourceFiles& files); // whether there is an index.json
// `files` outlives the result. Throws Error(corrupt); Error(not_found) when there is no image for
// the platform, whose hint lists the platforms there are.
std::vector<SourceImage> oci_layout_images(const SourceFiles& files, const OciQuery& query,
                                           const ImportLimits& limits);

} // namespace layerbox
