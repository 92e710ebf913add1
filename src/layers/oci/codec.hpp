// codec: one compression format, one member at a time. The loop over members, truncation and what
// follows the last member is in decompressing_source; a codec only moves bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace layerbox {

class Codec {
 public:
  Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;
  virtual ~Codec() = default;

  // How a message calls it: "gzip".
  virtual std::string_view name() const = 0;
  // Makes ready for the next member; called before the first one too.
  virtual void restart() = 0;

  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool member_ended = false; // checksums are right, all output was given
  };
  // Decodes some of `input` into `output`. No progress means that more input is needed. Throws
  // Error(corrupt) for damage, Error(limit_exceeded) past the memory limit.
  virtual Step step(std::span<const std::byte> input, std::span<std::byte> output) = 0;

  // Whether zero bytes in groups of four may stand between and after members (xz only).
  virtual bool allows_padding() const { return false; }

 protected:
  // zlib and bzip2 count in unsigned.
  static unsigned bounded(std::size_t size) {
    return static_cast<unsigned>(std::min<std::size_t>(size, std::numeric_limits<unsigned>::max()));
  }
  [[noreturn]] void damaged(std::string_view why) const;
  [[noreturn]] void needs_too_much_memory(std::string_view limit) const;
};

// Bounds of the decoders' memory. `zstd -19` needs 8 MiB, `zstd --ultra -22` 128 MiB; `xz -9` needs
// 65 MiB. gzip, bzip2 and lz4 are bounded by their formats (below 5 MiB).
inline constexpr int kZstdMaxWindowLog = 27;
inline constexpr unsigned long long kXzMaxMemoryBytes = 256ULL << 20;

std::unique_ptr<Codec> make_gzip_codec();
std::unique_ptr<Codec> make_zstd_codec();
std::unique_ptr<Codec> make_xz_codec();
std::unique_ptr<Codec> make_bzip2_codec();
std::unique_ptr<Codec> make_lz4_codec();

} // namespace layerbox
