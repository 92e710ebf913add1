#include "layers/oci/plain_stream.hpp"

#include <algorithm>
#include <string>

#include "base/error.hpp"
#include "layers/oci/checked_source.hpp"

namespace layerbox {
namespace {

using ByteCount = std::shared_ptr<std::atomic<std::uint64_t>>;

// Refuses a stream that grows out of all proportion to what it is stored in.
class RatioGuard : public Source {
 public:
  RatioGuard(std::unique_ptr<Source> input, ByteCount stored_bytes, const ImportLimits& limits)
      : input_(std::move(input)), stored_bytes_(std::move(stored_bytes)),
        max_ratio_(std::max<std::uint64_t>(limits.max_ratio, 1)),
        floor_bytes_(limits.ratio_floor_bytes) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = input_->read(buffer);
    plain_bytes_ += got;
    if (plain_bytes_ > floor_bytes_ && plain_bytes_ / max_ratio_ > *stored_bytes_)
      throw Error(ErrorKind::limit_exceeded,
                  std::to_string(*stored_bytes_) + " compressed bytes give more than " +
                      std::to_string(plain_bytes_) + " bytes, past the limit of " +
                      std::to_string(max_ratio_) + " to 1")
          .set_hint("--max-ratio raises this limit");
    return got;
  }

 private:
  std::unique_ptr<Source> input_;
  ByteCount stored_bytes_;
  std::uint64_t max_ratio_;
  std::uint64_t floor_bytes_;
  std::uint64_t plain_bytes_ = 0;
};

// Counts before the first look, so that the peeked bytes count once.
std::unique_ptr<PeekSource> counted(std::unique_ptr<Source> stored, const ByteCount& count) {
  return std::make_unique<PeekSource>(std::make_unique<CountingSource>(
      std::move(stored), [count](std::uint64_t bytes) { *count = bytes; }));
}

} // namespace

PlainStream open_plain(std::unique_ptr<Source> stored, const ImportLimits& limits,
                       const std::optional<BlobClaim>& claim) {
  PlainStream plain;
  plain.stored_bytes = std::make_shared<std::atomic<std::uint64_t>>(0);
  auto first = counted(std::move(stored), plain.stored_bytes);
  plain.compression = detect_compression(first->peek(kMagicBytes));
  std::unique_ptr<Source> source = std::move(first);
  const bool compressed = plain.compression != Compression::none;
  if (claim && (compressed || claim->digest != claim->diff_id))
    source = std::make_unique<VerifyingSource>(std::move(source), claim->digest, claim->size_bytes);
  if (compressed)
    source = std::make_unique<RatioGuard>(open_decompressed(std::move(source), plain.compression),
                                          plain.stored_bytes, limits);
  plain.source = std::make_unique<PeekSource>(std::move(source));
  const Compression inside =
      compressed ? detect_compression(plain.source->peek(kMagicBytes)) : Compression::none;
  if (inside != Compression::none)
    throw Error(ErrorKind::corrupt, "not a tar: it is compressed twice, " +
                                        std::string(compression_name(inside)) + " inside " +
                                        std::string(compression_name(plain.compression)));
  return plain;
}

} // namespace layerbox
