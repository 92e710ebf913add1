#include <bzlib.h>

#include "base/error.hpp"
#include "layers/oci/codec.hpp"

namespace layerbox {
namespace {

class Bzip2Codec : public Codec {
 public:
  ~Bzip2Codec() override { end(); }

  std::string_view name() const override { return "bzip2"; }

  void restart() override {
    end();
    stream_ = {};
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK)
      throw Error(ErrorKind::system, "start the bzip2 decoder: out of memory");
    ready_ = true;
  }

  Step step(std::span<const std::byte> input, std::span<std::byte> output) override {
    // libbz2 takes its input as mutable and does not change it.
    stream_.next_in = const_cast<char*>(reinterpret_cast<const char*>(input.data())); // NOLINT
    stream_.avail_in = bounded(input.size());
    stream_.next_out = reinterpret_cast<char*>(output.data());
    stream_.avail_out = bounded(output.size());
    const unsigned input_size = stream_.avail_in;
    const unsigned output_size = stream_.avail_out;
    const int result = BZ2_bzDecompress(&stream_);
    if (result == BZ_MEM_ERROR) throw Error(ErrorKind::system, "decode bzip2: out of memory");
    if (result != BZ_OK && result != BZ_STREAM_END) damaged("its data or a checksum is wrong");
    return {input_size - stream_.avail_in, output_size - stream_.avail_out,
            result == BZ_STREAM_END};
  }

 private:
  void end() {
    if (ready_) BZ2_bzDecompressEnd(&stream_);
    ready_ = false;
  }

  bz_stream stream_{};
  bool ready_ = false;
};

} // namespace

std::unique_ptr<Codec> make_bzip2_codec() {
  return std::make_unique<Bzip2Codec>();
}

} // namespace layerbox
