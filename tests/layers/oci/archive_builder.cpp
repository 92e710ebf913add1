#include "tests/layers/oci/archive_builder.hpp"

#include <filesystem>
#include <fstream>

#include "tests/layers/oci/pack.hpp"
#include "tests/layers/oci/tar_builder.hpp"

namespace layerbox::test {
namespace {

std::string in_quotes(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

std::string list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items)
    text += (text.size() > 1 ? "," : "") + item;
  return text + "]";
}

std::string list_of_texts(const std::vector<std::string>& items) {
  std::vector<std::string> all;
  for (const std::string& item : items)
    all.push_back(in_quotes(item));
  return list(all);
}

void add_once(FileSet& files, const std::string& name, std::string content) {
  for (const auto& file : files)
    if (file.first == name) return;
  files.emplace_back(name, std::move(content));
}

std::string tags(const TestImage& image) {
  return image.names.empty() ? "null" : list_of_texts(image.names);
}

} // namespace

std::string TestImage::config() const {
  std::vector<std::string> ids;
  for (const std::string& layer : layers)
    ids.push_back(in_quotes(sha256(layer).str()));
  return "{\"architecture\":" + in_quotes(architecture) + ",\"comment\":" + in_quotes(comment) +
         ",\"config\":{\"Cmd\":[\"/bin/sh\"],\"Env\":[\"PATH=/bin\"]},\"os\":\"linux\","
         "\"created\":\"2024-01-02T03:04:05Z\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":" +
         list(ids) + "}}";
}

std::string one_file_layer(std::string_view name, std::string_view content) {
  return TarBuilder().file(name, content).finish();
}

TestImage two_layer_image(std::string name) {
  TestImage image;
  image.layers.push_back(TarBuilder()
                             .dir("usr")
                             .file("usr/a", "below\n")
                             .file("usr/gone", "gone\n")
                             .dir("etc", 0750)
                             .file("etc/hostname", noise(5000))
                             .finish());
  image.layers.push_back(
      TarBuilder().dir("usr").file("usr/a", "above\n").file("usr/.wh.gone", "").finish());
  if (!name.empty()) image.names.push_back(std::move(name));
  return image;
}

FileSet docker_archive(const std::vector<TestImage>& images, Compression compression) {
  FileSet files;
  std::vector<std::string> entries;
  for (const TestImage& image : images) {
    std::vector<std::string> names;
    for (const std::string& layer : image.layers) {
      names.push_back(sha256(layer).hex() + ".tar");
      add_once(files, names.back(), pack(compression, layer));
    }
    const std::string config = image.id().hex() + ".json";
    add_once(files, config, image.config());
    entries.push_back("{\"Config\":" + in_quotes(config) + ",\"RepoTags\":" + tags(image) +
                      ",\"Layers\":" + list_of_texts(names) + "}");
  }
  files.emplace_back("manifest.json", list(entries));
  files.emplace_back("repositories", "{}");
  return files;
}

FileSet old_docker_archive(const std::vector<TestImage>& images) {
  FileSet files;
  std::vector<std::string> entries;
  for (const TestImage& image : images) {
    std::vector<std::string> names;
    for (const std::string& layer : image.layers) {
      const std::string id = sha256("id of " + layer).hex();
      names.push_back(id + "/layer.tar");
      add_once(files, id + "/VERSION", "1.0");
      add_once(files, id + "/json", "{\"id\":" + in_quotes(id) + "}");
      add_once(files, names.back(), layer);
    }
    const std::string config = image.id().hex() + ".json";
    add_once(files, config, image.config());
    entries.push_back("{\"Config\":" + in_quotes(config) + ",\"RepoTags\":" + tags(image) +
                      ",\"Layers\":" + list_of_texts(names) + "}");
  }
  files.emplace_back("manifest.json", list(entries));
  return files;
}

std::string OciBuilder::add_blob(std::string_view content) {
  const Digest digest = sha256(content);
  add_once(files, "blobs/sha256/" + digest.hex(), std::string(content));
  return digest.str();
}

std::string OciBuilder::descriptor(std::string_view media_type, std::string_view content,
                                   std::string_view more) {
  return "{\"mediaType\":" + in_quotes(media_type) + ",\"digest\":" + in_quotes(add_blob(content)) +
         ",\"size\":" + std::to_string(content.size()) + std::string(more) + "}";
}

std::string OciBuilder::manifest(const TestImage& image, std::string_view more) {
  const std::string oci = "application/vnd.oci.image.";
  const std::string docker = "application/vnd.docker.";
  std::string layer_type = docker_types ? docker + "image.rootfs.diff.tar" : oci + "layer.v1.tar";
  if (compression != Compression::none)
    layer_type += (docker_types ? "." : "+") + std::string(compression_name(compression));
  std::vector<std::string> layers;
  for (const std::string& layer : image.layers)
    layers.push_back(descriptor(layer_type, pack(compression, layer)));
  const std::string config = descriptor(
      docker_types ? docker + "container.image.v1+json" : oci + "config.v1+json", image.config());
  const std::string type =
      docker_types ? docker + "distribution.manifest.v2+json" : oci + "manifest.v1+json";
  return descriptor(type,
                    "{\"schemaVersion\":2,\"mediaType\":" + in_quotes(type) +
                        ",\"config\":" + config + ",\"layers\":" + list(layers) + "}",
                    more);
}

std::string OciBuilder::index(const std::vector<std::string>& descriptors, std::string_view more) {
  return descriptor(docker_types ? "application/vnd.docker.distribution.manifest.list.v2+json"
                                 : "application/vnd.oci.image.index.v1+json",
                    "{\"schemaVersion\":2,\"manifests\":" + list(descriptors) + "}", more);
}

FileSet OciBuilder::finish(const std::vector<std::string>& descriptors) {
  files.emplace_back("index.json", "{\"schemaVersion\":2,\"manifests\":" + list(descriptors) + "}");
  files.insert(files.begin(), {"oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"});
  return files;
}

std::string ref_name(std::string_view name) {
  return ",\"annotations\":{\"org.opencontainers.image.ref.name\":" + in_quotes(name) + "}";
}

FileSet oci_layout(const std::vector<TestImage>& images, Compression compression) {
  OciBuilder builder;
  builder.compression = compression;
  std::vector<std::string> descriptors;
  for (const TestImage& image : images) {
    if (image.names.empty()) descriptors.push_back(builder.manifest(image));
    for (const std::string& name : image.names)
      descriptors.push_back(builder.manifest(image, ref_name(name)));
  }
  return builder.finish(descriptors);
}

std::string to_tar(const FileSet& files) {
  TarBuilder tar;
  for (const auto& [name, content] : files)
    tar.file(name, content);
  return tar.finish();
}

void to_directory(const FileSet& files, const std::string& path) {
  for (const auto& [name, content] : files) {
    const std::filesystem::path whole = std::filesystem::path(path) / name;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << content;
  }
}

FileSet with_replaced(FileSet files, const std::string& from, const std::string& to,
                      const std::string& name) {
  for (auto& [file, content] : files) {
    if (!name.empty() && file != name) continue;
    const std::size_t at = content.find(from);
    if (at != std::string::npos) content.replace(at, from.size(), to);
  }
  return files;
}

std::optional<SourceFile> MemoryFiles::open(const RelPath& name) const {
  for (const auto& [file, content] : files_)
    if (file == name.str())
      return SourceFile{std::make_unique<MemorySource>(content), content.size()};
  return std::nullopt;
}

} // namespace layerbox::test
