// archive_builder: images as plain values, and the archives that tools make of them, for tests.
//
//     TestImage image = two_layer_image();
//     FileSet files = docker_archive({image});         // manifest.json, <hex>.json, <hex>.tar
//     std::string tar = to_tar(files);
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "layers/oci/compression.hpp"
#include "layers/oci/source_files.hpp"

namespace layerbox::test {

// Name and content, in the order of the archive.
using FileSet = std::vector<std::pair<std::string, std::string>>;

struct TestImage {
  std::vector<std::string> layers; // plain tars, bottom first
  std::vector<std::string> names;
  std::string architecture = "amd64";
  std::string comment; // makes configs differ

  std::string config() const; // the image config's bytes
  Digest id() const { return sha256(config()); }
};

// A layer with usr/, usr/a and etc/ below one that replaces and removes some of it.
TestImage two_layer_image(std::string name = "test:latest");
// A layer of one file.
std::string one_file_layer(std::string_view name, std::string_view content);

FileSet docker_archive(const std::vector<TestImage>& images,
                       Compression compression = Compression::none);
// <id>/layer.tar, as docker before 25 wrote it.
FileSet old_docker_archive(const std::vector<TestImage>& images);
// Files of an OCI layout. `manifest_of` adds an image's blobs and returns its descriptor.
struct OciBuilder {
  FileSet files;
  Compression compression = Compression::gzip;
  bool docker_types = false;

  std::string add_blob(std::string_view content); // "sha256:…"
  // {"mediaType":…,"digest":…,"size":…}, with further members ",\"platform\":{…}" in `more`.
  std::string descriptor(std::string_view media_type, std::string_view content,
                         std::string_view more = "");
  std::string manifest(const TestImage& image, std::string_view more = "");
  std::string index(const std::vector<std::string>& descriptors, std::string_view more = "");
  // Adds oci-layout and index.json, and gives all.
  FileSet finish(const std::vector<std::string>& descriptors);
};
FileSet oci_layout(const std::vector<TestImage>& images,
                   Compression compression = Compression::gzip);
std::string ref_name(std::string_view name); // the annotation, for `more`

std::string to_tar(const FileSet& files);
void to_directory(const FileSet& files, const std::string& path);
// Replaces the first `from` in the content of file `name`, or in that of every file.
FileSet with_replaced(FileSet files, const std::string& from, const std::string& to,
                      const std::string& name = "");

// A FileSet where SourceFiles are wanted.
class MemoryFiles : public SourceFiles {
 public:
  explicit MemoryFiles(FileSet files) : files_(std::move(files)) {}
  std::optional<SourceFile> open(const RelPath& name) const override;

 private:
  FileSet files_;
};

} // namespace layerbox::test
