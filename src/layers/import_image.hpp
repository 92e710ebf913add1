// import_image: the front door of pull-tar. One source, any number of images in it.
//
//     ImportOptions options;  options.names = {ImageRef::parse("debian:12")};
//     for (const ImportedImage& image : import_images(store, "debian.tar.gz", options, progress)) …
//
// A source is a file, a directory in OCI layout, or "-" for standard input. Compression and kind
// are found from the content. Every digest, size and DiffID is verified before anything is visible;
// what fails leaves nothing behind. Source: OCI image-spec (image-layout.md, layer.md, config.md),
// moby image/spec v1.2 (docker-archive).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/progress.hpp"
#include "layers/import_limits.hpp"
#include "store/image_ref.hpp"
#include "store/store.hpp"

namespace layerbox {

enum class SourceType : std::uint8_t { automatic, rootfs, docker_archive, oci };

// The config that a plain rootfs tar does not bring.
struct RootfsConfig {
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::vector<std::string> env; // K=V
  std::string workdir;
  std::string user;
  std::vector<std::pair<std::string, std::string>> labels;
};

struct ImportOptions {
  SourceType type = SourceType::automatic;
  std::vector<ImageRef> names;     // for the one selected image
  std::vector<std::string> select; // references or indices inside the source; empty: all
  std::string platform;            // OS/ARCH[/VARIANT]; "": this machine's
  RootfsConfig config;             // plain rootfs tars only; else Error(invalid_argument)
  ImportLimits limits;
};

struct ImportedImage {
  Digest id;
  std::vector<std::string> names; // NAME:TAG that now point at it through this import
  bool was_there = false;         // nothing had to be unpacked
  std::uint64_t layers_unpacked = 0;
};

// Throws Error; kind corrupt for a bad source (nothing is imported), limit_exceeded for a limit
// (the hint names the flag that raises it).
std::vector<ImportedImage> import_images(Store& store, const std::string& source,
                                         const ImportOptions& options, Progress& progress);

} // namespace layerbox
