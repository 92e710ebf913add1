#include <zstd.h>

#include <algorithm>

#include "base/error.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tar/record_format.hpp"

namespace layerbox {
namespace {

using namespace record_format;

void append_number(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void append_digest(std::string& out, const Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.bytes().data()), Digest::kBytes);
}

std::size_t checked(std::size_t result) {
  if (::ZSTD_isError(result) != 0)
    throw Error(ErrorKind::system,
                std::string("compress the layer record: ") + ::ZSTD_getErrorName(result));
  return result;
}

} // namespace

struct RecordWriter::Stream {
  explicit Stream(Sink& out) : sink(out), room(::ZSTD_CStreamOutSize()) {
    context = ::ZSTD_createCCtx();
    if (context == nullptr) throw Error(ErrorKind::system, "compress the layer record: no memory");
    checked(::ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kZstdLevel));
    checked(::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, kZstdWindowLog));
    checked(::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1));
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { ::ZSTD_freeCCtx(context); }

  void write(const void* data, std::size_t size, ZSTD_EndDirective end = ZSTD_e_continue) {
    ZSTD_inBuffer in{data, size, 0};
    for (;;) {
      ZSTD_outBuffer out{room.data(), room.size(), 0};
      const std::size_t left = checked(::ZSTD_compressStream2(context, &out, &in, end));
      if (out.pos > 0) sink.write(std::span(room).first(out.pos));
      if (end == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }
  void write(const std::string& text) { write(text.data(), text.size()); }

  Sink& sink;
  ZSTD_CCtx* context = nullptr;
  std::vector<std::byte> room;
};

RecordWriter::RecordWriter(Sink& out) : stream_(std::make_unique<Stream>(out)) {
  out.write(std::as_bytes(std::span(kMagic)));
}

RecordWriter::~RecordWriter() = default;

void RecordWriter::raw(std::span<const std::byte> bytes) {
  if (!bytes.empty()) end_run();
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kMaxRawBytes));
    std::string head(1, kRaw);
    append_number(head, part.size());
    stream_->write(head);
    stream_->write(part.data(), part.size());
    bytes = bytes.subspan(part.size());
  }
}

void RecordWriter::begin_file(const RelPath& path, std::uint64_t size_bytes) {
  path_ = path;
  size_bytes_ = size_bytes;
}

void RecordWriter::content(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  hash_.update(bytes);
  if (!regions_.empty() && regions_.back().offset + regions_.back().length == offset)
    regions_.back().length += bytes.size();
  else
    regions_.push_back({offset, bytes.size()});
  if (regions_.size() >= kMaxRegions) end_run();
}

void RecordWriter::end_file() {
  end_run();
}

void RecordWriter::end_run() {
  if (regions_.empty()) return;
  RecordItem item;
  item.path = path_;
  item.size_bytes = size_bytes_;
  item.regions = std::move(regions_);
  item.digest = hash_.finish();
  regions_.clear();
  put_content(item);
}

void RecordWriter::put_content(const RecordItem& item) {
  std::string text(1, kContent);
  append_number(text, item.path.str().size());
  text += item.path.str();
  append_number(text, item.size_bytes);
  append_number(text, item.regions.size());
  for (const RecordRegion& region : item.regions) {
    append_number(text, region.offset);
    append_number(text, region.length);
  }
  append_digest(text, item.digest);
  stream_->write(text);
  ++contents_;
}

void RecordWriter::copy(const RecordItem& item) {
  if (item.kind == RecordKind::raw)
    raw(item.raw);
  else if (item.kind == RecordKind::content)
    put_content(item);
}

void RecordWriter::finish(const Digest& diff_id, std::uint64_t tar_bytes) {
  end_run();
  std::string text(1, kEnd);
  append_number(text, tar_bytes);
  append_digest(text, diff_id);
  stream_->write(text.data(), text.size(), ZSTD_e_end);
}

} // namespace layerbox
