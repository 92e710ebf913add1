#include <zlib.h>

#include "base/error.hpp"
#include "layers/oci/codec.hpp"

namespace layerbox {
namespace {

constexpr int kGzipOnly = 16; // added to the window bits: a gzip header and nothing else

class GzipCodec : public Codec {
 public:
  ~GzipCodec() override { inflateEnd(&stream_); }

  std::string_view name() const override { return "gzip"; }

  void restart() override {
    const int result =
        ready_ ? inflateReset(&stream_) : inflateInit2(&stream_, MAX_WBITS + kGzipOnly);
    if (result != Z_OK) throw Error(ErrorKind::system, "start the gzip decoder: out of memory");
    ready_ = true;
  }

  Step step(std::span<const std::byte> input, std::span<std::byte> output) override {
    // zlib takes its input as mutable and does not change it.
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data())); // NOLINT
    stream_.avail_in = bounded(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = bounded(output.size());
    const uInt input_size = stream_.avail_in;
    const uInt output_size = stream_.avail_out;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      damaged(stream_.msg != nullptr ? stream_.msg : "it cannot be decoded");
    return {input_size - stream_.avail_in, output_size - stream_.avail_out, result == Z_STREAM_END};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

} // namespace

std::unique_ptr<Codec> make_gzip_codec() {
  return std::make_unique<GzipCodec>();
}

} // namespace layerbox
