#include <zstd.h>

#include <array>
#include <cstring>

#include "base/error.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tar/record_format.hpp"

namespace layerbox {
namespace {

using namespace record_format;

[[noreturn]] void damaged(const std::string& why) {
  throw Error(ErrorKind::corrupt, "the layer record is damaged: " + why);
}

} // namespace

// The decompressed bytes of the record's frame.
struct RecordReader::Stream {
  explicit Stream(Source& record)
      : source(record), in(::ZSTD_DStreamInSize()), out(::ZSTD_DStreamOutSize()) {
    context = ::ZSTD_createDCtx();
    if (context == nullptr) throw Error(ErrorKind::system, "read the layer record: no memory");
    ::ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kZstdWindowLog);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { ::ZSTD_freeDCtx(context); }

  void read_magic() {
    std::array<std::byte, kMagic.size()> magic{};
    std::size_t have = 0;
    while (have < magic.size()) {
      const std::size_t got = source.read(std::span(magic).subspan(have));
      if (got == 0) damaged("it is too short");
      have += got;
    }
    if (std::memcmp(magic.data(), kMagic.data(), magic.size()) != 0)
      damaged("it is none, or of another version");
  }

  // False at the proper end of the frame.
  bool refill() {
    out_at = out_size = 0;
    while (out_size == 0) {
      if (frame_ended) {
        if (in_at < in_size || source.read(in) != 0) damaged("something follows its end");
        return false;
      }
      if (in_at == in_size) {
        in_at = 0;
        in_size = source.read(in);
        if (in_size == 0) damaged("it is cut short");
      }
      ZSTD_inBuffer from{in.data(), in_size, in_at};
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      const std::size_t result = ::ZSTD_decompressStream(context, &to, &from);
      if (::ZSTD_isError(result) != 0) damaged(::ZSTD_getErrorName(result));
      in_at = from.pos;
      out_size = to.pos;
      frame_ended = result == 0;
    }
    return true;
  }

  void read(std::byte* to, std::size_t size) {
    while (size > 0) {
      if (out_at == out_size && !refill()) damaged("it ends within an item");
      const std::size_t step = std::min(size, out_size - out_at);
      std::memcpy(to, out.data() + out_at, step);
      out_at += step;
      to += step;
      size -= step;
    }
  }
  std::uint8_t byte() {
    std::byte value{};
    read(&value, 1);
    return static_cast<std::uint8_t>(value);
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t part = byte();
      if (shift == 63 && part > 1) break;
      value |= std::uint64_t{part & 0x7Fu} << shift;
      if ((part & 0x80) == 0) return value;
    }
    damaged("a number is too large");
  }
  std::uint64_t number_up_to(std::uint64_t max) {
    const std::uint64_t value = number();
    if (value > max) damaged("a number is too large");
    return value;
  }
  // How much of something an item has: one that has nothing is never written.
  std::size_t count_up_to(std::uint64_t max) {
    const std::uint64_t value = number_up_to(max);
    if (value == 0) damaged("an item without content");
    return static_cast<std::size_t>(value);
  }
  RelPath path() {
    std::string text(count_up_to(RelPath::kMaxBytes), '\0');
    read(reinterpret_cast<std::byte*>(text.data()), text.size());
    try {
      if (RelPath path = RelPath::parse(text); path.str() == text) return path;
    } catch (const Error&) { // said below
    }
    damaged("a path that is none");
  }
  Digest digest() {
    std::array<std::uint8_t, Digest::kBytes> bytes{};
    read(reinterpret_cast<std::byte*>(bytes.data()), bytes.size());
    return Digest(bytes);
  }

  Source& source;
  ZSTD_DCtx* context = nullptr;
  std::vector<std::byte> in, out;
  std::size_t in_at = 0, in_size = 0, out_at = 0, out_size = 0;
  bool frame_ended = false;
};

RecordReader::RecordReader(Source& record) : stream_(std::make_unique<Stream>(record)) {
  stream_->read_magic();
}

RecordReader::~RecordReader() = default;

const RecordItem& RecordReader::next() {
  Stream& in = *stream_;
  item_ = RecordItem{};
  switch (in.byte()) {
  case kRaw:
    item_.kind = RecordKind::raw;
    raw_.resize(in.count_up_to(kMaxRawBytes));
    in.read(raw_.data(), raw_.size());
    item_.raw = raw_;
    break;
  case kContent: {
    item_.kind = RecordKind::content;
    item_.path = in.path();
    item_.size_bytes = in.number();
    item_.regions.resize(in.count_up_to(kMaxRegions));
    for (RecordRegion& region : item_.regions) {
      region.offset = in.number_up_to(item_.size_bytes);
      region.length = in.number_up_to(item_.size_bytes - region.offset);
    }
    item_.digest = in.digest();
    break;
  }
  case kEnd:
    item_.kind = RecordKind::end;
    item_.size_bytes = in.number();
    item_.digest = in.digest();
    if (in.out_at < in.out_size || in.refill()) damaged("something follows its end");
    break;
  default:
    damaged("an unknown item");
  }
  return item_;
}

} // namespace layerbox
