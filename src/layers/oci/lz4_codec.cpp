#include <lz4frame.h>

#include "base/error.hpp"
#include "layers/oci/codec.hpp"

namespace layerbox {
namespace {

class Lz4Codec : public Codec {
 public:
  Lz4Codec() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)))
      throw Error(ErrorKind::system, "start the lz4 decoder: out of memory");
  }
  ~Lz4Codec() override { LZ4F_freeDecompressionContext(context_); }

  std::string_view name() const override { return "lz4"; }

  void restart() override { LZ4F_resetDecompressionContext(context_); }

  Step step(std::span<const std::byte> input, std::span<std::byte> output) override {
    std::size_t consumed = input.size();
    std::size_t produced = output.size();
    const std::size_t result =
        LZ4F_decompress(context_, output.data(), &produced, input.data(), &consumed, nullptr);
    if (LZ4F_isError(result)) damaged(LZ4F_getErrorName(result));
    return {consumed, produced, result == 0};
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

} // namespace

std::unique_ptr<Codec> make_lz4_codec() {
  return std::make_unique<Lz4Codec>();
}

} // namespace layerbox
