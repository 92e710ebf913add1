// The outer tar of an image archive: what is found in it lies in it.
#include "layers/oci/archive_index.hpp"

#include <algorithm>
#include <cstring>

#include "tests/fuzz/target.hpp"
#include "tests/layers/tar/tar_builder.hpp"

namespace layerbox::fuzz {

bool run_archive_index(std::string_view input) {
  const std::string tar = test::with_right_sums(std::string(input));
  const ByteReader reader = [&](std::uint64_t offset, std::span<std::byte> buffer) {
    if (offset >= tar.size()) return std::size_t{0};
    const std::size_t size = std::min<std::size_t>(buffer.size(), tar.size() - offset);
    std::memcpy(buffer.data(), tar.data() + offset, size);
    return size;
  };
  ImportLimits limits;
  limits.max_entries = 1000;
  limits.max_pax_bytes = 4096;
  const auto first = accepted([&] { return first_member(reader, limits); });
  if (first && *first) may_begin_image_archive(**first);
  const auto index = accepted([&] { return ArchiveIndex::read(reader, tar.size(), limits); });
  if (!index) return false;
  index->has_image_parts();
  index->for_each([&](const TarMember& member) {
    const RelPath name = RelPath::parse(member.name);
    const auto place = accepted([&] { return index->find(name); });
    require(member.type != TarMemberType::file || (place && *place), "a file is found by its name");
    if (place && *place)
      require((*place)->offset <= tar.size() &&
                  (*place)->size_bytes <= tar.size() - (*place)->offset,
              "what is found in an archive lies in it");
  });
  return true;
}

std::vector<std::string> archive_index_seeds() {
  const std::string hex(64, 'a');
  test::TarBuilder docker;
  docker.file("manifest.json", "[]").file(hex + ".json", "{}").dir(hex);
  docker.file(hex + "/layer.tar", std::string(700, 'l')).symlink("b.tar", hex + "/layer.tar");
  docker.link("c.tar", "b.tar").symlink("loop", "./loop");
  test::TarBuilder oci;
  oci.dir("./").file("./oci-layout", "{}").dir("./blobs/sha256");
  oci.pax({{"path", "blobs/sha256/" + hex}, {"size", "3"}}).file("p", "abc");
  oci.long_name("index.json").file("short", "{}");
  return {docker.finish(), oci.finish()};
}

} // namespace layerbox::fuzz
