#include <zstd.h>
#include <zstd_errors.h>

#include "base/error.hpp"
#include "layers/oci/codec.hpp"

namespace layerbox {
namespace {

class ZstdCodec : public Codec {
 public:
  ZstdCodec() : stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw Error(ErrorKind::system, "start the zstd decoder: out of memory");
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdMaxWindowLog);
  }
  ~ZstdCodec() override { ZSTD_freeDStream(stream_); }

  std::string_view name() const override { return "zstd"; }

  void restart() override { ZSTD_DCtx_reset(stream_, ZSTD_reset_session_only); }

  Step step(std::span<const std::byte> input, std::span<std::byte> output) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const std::size_t result = ZSTD_decompressStream(stream_, &out, &in);
    if (ZSTD_isError(result)) {
      if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge)
        needs_too_much_memory("128 MiB");
      damaged(ZSTD_getErrorName(result));
    }
    return {in.pos, out.pos, result == 0};
  }

 private:
  ZSTD_DStream* stream_;
};

} // namespace

std::unique_ptr<Codec> make_zstd_codec() {
  return std::make_unique<ZstdCodec>();
}

} // namespace layerbox
