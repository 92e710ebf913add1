#include <lzma.h>

#include "base/error.hpp"
#include "layers/oci/codec.hpp"

namespace layerbox {
namespace {

class XzCodec : public Codec {
 public:
  ~XzCodec() override { lzma_end(&stream_); }

  std::string_view name() const override { return "xz"; }
  bool allows_padding() const override { return true; } // .xz file format, 2.2

  void restart() override {
    if (lzma_stream_decoder(&stream_, kXzMaxMemoryBytes, LZMA_FAIL_FAST) != LZMA_OK)
      throw Error(ErrorKind::system, "start the xz decoder: out of memory");
  }

  Step step(std::span<const std::byte> input, std::span<std::byte> output) override {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
    stream_.avail_in = input.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(output.data());
    stream_.avail_out = output.size();
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    check(result);
    return {input.size() - stream_.avail_in, output.size() - stream_.avail_out,
            result == LZMA_STREAM_END};
  }

 private:
  void check(lzma_ret result) const {
    switch (result) {
    case LZMA_OK:
    case LZMA_STREAM_END:
    case LZMA_BUF_ERROR:
      return; // the last: no progress, the caller has more or knows the end
    case LZMA_MEMLIMIT_ERROR:
      needs_too_much_memory("256 MiB");
    case LZMA_MEM_ERROR:
      throw Error(ErrorKind::system, "decode xz: out of memory");
    case LZMA_OPTIONS_ERROR:
      damaged("it uses options that are not supported");
    case LZMA_FORMAT_ERROR:
      damaged("its header is wrong");
    default:
      damaged("its data or a checksum is wrong");
    }
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

} // namespace

std::unique_ptr<Codec> make_xz_codec() {
  return std::make_unique<XzCodec>();
}

} // namespace layerbox
