// A tar becomes a layer: nothing around it is touched, a refusal says what is wrong with the tar,
// and what was accepted is given back byte for byte.
#include <fcntl.h>

#include "base/fs_at.hpp"
#include "layers/tar/layer_record.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/layers/tar/recipe.hpp"
#include "tests/layers/tar/tar_builder.hpp"
#include "tests/layers/tar/workshop.hpp"

namespace layerbox::fuzz {
namespace {

ImportLimits small_limits() {
  ImportLimits limits;
  limits.max_entries = 200;
  limits.max_bytes = std::uint64_t{1} << 20;
  limits.max_depth = 40;
  limits.max_xattr_bytes = 1024;
  limits.max_xattrs = 8;
  limits.max_pax_bytes = std::uint64_t{32} << 10;
  return limits;
}

// Nothing when it was refused because of what it is.
std::optional<UnpackedLayer> unpacked(test::Workshop& workshop, const std::string& tar) {
  try {
    return workshop.unpack(tar, small_limits());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::limit_exceeded)
      return std::nullopt;
    throw BrokenPromise(std::string("a refusal says what is wrong with the tar, not: ") +
                        error.what());
  }
}

} // namespace

bool run_tar(std::string_view input) {
  static test::Workshop workshop(test::Workshop::Place::memory);
  const std::string tar = test::with_right_sums(std::string(input));
  const auto layer = unpacked(workshop, tar);
  const std::string harm = workshop.harm();
  if (!harm.empty()) throw BrokenPromise("nothing around a layer is touched; " + harm);
  if (!layer) return false;
  require(layer->tar_bytes == tar.size() && layer->diff_id == sha256(tar), "a DiffID is the tar's");
  require(workshop.rebuilt() == tar, "a tar that was accepted is given back byte for byte");
  const UniqueFd record = open_beneath(workshop.layer(), RelPath::parse("record"), O_RDONLY);
  require(verify_tree(record, workshop.tree(), 1).empty(), "a new layer is what its record says");
  return true;
}

// The hostile vectors of the suite, but for the long ones.
std::vector<std::string> tar_seeds() {
  constexpr std::size_t kMaxSeedBytes = std::size_t{16} << 10;
  std::vector<std::string> seeds;
  for (const char* topic : {"names", "whiteouts", "links", "replaced", "types", "headers", "pax",
                            "xattrs", "sparse", "endings", "limits"})
    for (const test::Recipe& recipe :
         test::read_recipes(std::string(LAYERBOX_TEST_DATA) + "/hostile/" + topic + ".txt")) {
      std::string tar = test::make_tar(recipe, "/canary").bytes;
      if (tar.size() <= kMaxSeedBytes) seeds.push_back(std::move(tar));
    }
  return seeds;
}

} // namespace layerbox::fuzz
