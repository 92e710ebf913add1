// workshop: a staging directory with a canary tree around it, for tests that unpack hostile tars.
// Whatever was unpacked, the canaries must be as they were, and nothing may stand beside them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/temp.hpp"
#include "base/unique_fd.hpp"
#include "layers/import_limits.hpp"
#include "layers/tar/unpack_layer.hpp"

namespace layerbox::test {

Identity root_identity();

class Workshop {
 public:
  // `memory` prefers a file system in memory, for tests that unpack thousands of times.
  enum class Place : std::uint8_t { disk, memory };
  explicit Workshop(Place place = Place::disk);
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  const std::string& path() const { return temporary_->path(); } // holds canary/ and staging/
  std::string canary() const { return path() + "/canary"; }
  FdRef staging() const { return staging_; }

  // A directory in staging for unpack_layer(), made when it is not there.
  UniqueFd new_layer(const char* name = "layer") const;
  // Unpacks into staging/layer after removing what was there.
  UnpackedLayer unpack(std::string_view tar, const ImportLimits& limits = {});
  UniqueFd tree() const; // of the last layer
  UniqueFd layer() const;
  std::string tree_text() const;
  std::string rebuilt() const;
  // "" when all is as it was, else what is not.
  std::string harm() const;

 private:
  std::string surroundings() const;

  std::unique_ptr<TempDir> temporary_;
  UniqueFd staging_;
  std::string before_;
};

} // namespace layerbox::test
