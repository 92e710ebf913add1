#include "layers/oci/compressing_sink.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kPackedBytes = std::size_t{128} << 10;
constexpr int kGzipHeader = 16; // added to the window bits
constexpr int kGzipLevel = 6;   // zlib's own default, and gzip(1)'s
constexpr int kGzipMemory = 8;  // zlib's default
constexpr int kZstdLevel = 3;   // zstd(1)'s default

class PlainSink : public CompressingSink {
 public:
  explicit PlainSink(Sink& out) : out_(out) {}
  void write(std::span<const std::byte> data) override { out_.write(data); }
  void finish() override {}

 private:
  Sink& out_;
};

class GzipSink : public CompressingSink {
 public:
  explicit GzipSink(Sink& out) : out_(out), buffer_(kPackedBytes) {
    // Without deflateSetHeader the header holds no time and no name.
    if (deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, MAX_WBITS + kGzipHeader, kGzipMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw Error(ErrorKind::system, "start the gzip encoder: out of memory");
  }
  ~GzipSink() override { deflateEnd(&stream_); }

  void write(std::span<const std::byte> data) override {
    while (!data.empty()) {
      const std::size_t part = std::min<std::size_t>(data.size(), std::numeric_limits<uInt>::max());
      // zlib takes its input as mutable and does not change it.
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data.data())); // NOLINT
      stream_.avail_in = static_cast<uInt>(part);
      while (stream_.avail_in > 0)
        step(Z_NO_FLUSH);
      data = data.subspan(part);
    }
  }
  void finish() override {
    while (step(Z_FINISH) != Z_STREAM_END)
      ;
  }

 private:
  int step(int flush) {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = static_cast<uInt>(buffer_.size());
    const int result = deflate(&stream_, flush);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      throw Error(ErrorKind::system, "compress with gzip: error " + std::to_string(result));
    out_.write(std::span(buffer_).first(buffer_.size() - stream_.avail_out));
    return result;
  }

  Sink& out_;
  z_stream stream_{};
  std::vector<std::byte> buffer_;
};

class ZstdSink : public CompressingSink {
 public:
  explicit ZstdSink(Sink& out)
      : out_(out), stream_(ZSTD_createCCtx()), buffer_(ZSTD_CStreamOutSize()) {
    if (stream_ == nullptr) throw Error(ErrorKind::system, "start the zstd encoder: out of memory");
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_checksumFlag, 1);
  }
  ~ZstdSink() override { ZSTD_freeCCtx(stream_); }

  void write(std::span<const std::byte> data) override {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    while (in.pos < in.size)
      step(in, ZSTD_e_continue);
  }
  void finish() override {
    ZSTD_inBuffer in{nullptr, 0, 0};
    while (step(in, ZSTD_e_end) != 0)
      ;
  }

 private:
  std::size_t step(ZSTD_inBuffer& in, ZSTD_EndDirective directive) {
    ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
    const std::size_t left = ZSTD_compressStream2(stream_, &out, &in, directive);
    if (ZSTD_isError(left) != 0)
      throw Error(ErrorKind::system, std::string("compress with zstd: ") + ZSTD_getErrorName(left));
    out_.write(std::span(buffer_).first(out.pos));
    return left;
  }

  Sink& out_;
  ZSTD_CCtx* stream_;
  std::vector<std::byte> buffer_;
};

} // namespace

std::unique_ptr<CompressingSink> make_compressing_sink(Sink& out, Compression compression) {
  switch (compression) {
  case Compression::none:
    return std::make_unique<PlainSink>(out);
  case Compression::gzip:
    return std::make_unique<GzipSink>(out);
  case Compression::zstd:
    return std::make_unique<ZstdSink>(out);
  default:
    throw Error(ErrorKind::invalid_argument,
                "archives are written with gzip, zstd or none, not with " +
                    std::string(compression_name(compression)));
  }
}

} // namespace layerbox
