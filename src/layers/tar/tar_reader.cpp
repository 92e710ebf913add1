#include "layers/tar/tar_reader.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <type_traits>

#include "base/error.hpp"
#include "layers/tar/tar_fields.hpp"

namespace layerbox {
namespace {

[[noreturn]] void refuse_archive(const std::string& why) {
  throw Error(ErrorKind::corrupt, why);
}

[[noreturn]] void refuse_headers(const ImportLimits& limits) {
  throw Error(
      ErrorKind::limit_exceeded,
      fmt::format("the headers of an entry pass {} bytes (--max-pax-bytes)", limits.max_pax_bytes))
      .set_hint("--max-pax-bytes raises the limit");
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// libarchive's names in the locale's charset are not used, so that it cannot make them is no
// matter.
bool only_charset(archive* a) {
  const char* text = ::archive_error_string(a);
  return text != nullptr &&
         std::string_view(text).find("can't be converted") != std::string_view::npos;
}

} // namespace

void TarReader::CloseArchive::operator()(archive* a) const {
  ::archive_read_free(a);
}

class TarReader::Content : public FileContent {
 public:
  explicit Content(TarReader& reader) : reader_(reader) {}
  Region next() override { return reader_.next_region(); }

 private:
  TarReader& reader_;
};

TarReader::TarReader(Source& source, RecordWriter* record, const ImportLimits& limits,
                     Progress progress, BlockPipe::Reading reading)
    : record_(record), limits_(limits), progress_(std::move(progress)), pipe_(source, reading),
      tap_(pipe_), archive_(::archive_read_new()), content_(std::make_unique<Content>(*this)) {
  static_assert(std::is_same_v<long, la_ssize_t>);
  if (!archive_) throw Error(ErrorKind::system, "read a tar: no memory");
  ::archive_read_support_format_tar(archive_.get());
  header_limit_ = limits_.max_pax_bytes + BlockPipe::kBlockBytes;
  if (::archive_read_open(archive_.get(), this, nullptr, &TarReader::read_block, nullptr) !=
      ARCHIVE_OK)
    fail(ARCHIVE_FATAL);
}

TarReader::~TarReader() = default;

std::span<const std::byte> TarReader::pull() {
  const auto block = tap_.pull();
  if (progress_) progress_(tap_.pulled());
  return block;
}

// Called by libarchive, which is C: nothing may be thrown through it.
long TarReader::read_block(archive* a, void* self, const void** buffer) {
  auto* reader = static_cast<TarReader*>(self);
  try {
    if (reader->header_limit_ != 0 && reader->tap_.pulled() > reader->header_limit_)
      refuse_headers(reader->limits_);
    const auto block = reader->pull();
    *buffer = block.data();
    return static_cast<long>(block.size());
  } catch (...) {
    reader->failure_ = std::current_exception();
    ::archive_set_error(a, EIO, "the source failed");
    return ARCHIVE_FATAL;
  }
}

void TarReader::fail(int result) {
  if (failure_) std::rethrow_exception(failure_);
  const char* text = ::archive_error_string(archive_.get());
  const std::string_view why = text != nullptr ? text : "malformed";
  if (tap_.settled() == 0 && why.find("Unrecognized") != std::string_view::npos)
    refuse_archive("not a tar");
  if (why.find("Special header too large") != std::string_view::npos)
    throw Error(ErrorKind::limit_exceeded, "a long name or pax header of more than 1 MiB, which "
                                           "is the most that can be read (--max-pax-bytes)");
  if (result == ARCHIVE_RETRY) refuse_archive("a damaged header");
  refuse_archive(fmt::format("the tar is truncated or malformed: {}", printable(why)));
}

std::uint64_t TarReader::position() const {
  return static_cast<std::uint64_t>(::archive_filter_bytes(archive_.get(), 0));
}

void TarReader::check_raw_limit() const {
  if (raw_bytes_ <= limits_.max_bytes || raw_bytes_ - limits_.max_bytes <= kRawAllowanceBytes)
    return;
  throw Error(ErrorKind::limit_exceeded,
              fmt::format("headers and padding pass {} bytes (--max-bytes)", limits_.max_bytes))
      .set_hint("--max-bytes raises the limit");
}

void TarReader::pass_raw(std::uint64_t to) {
  raw_bytes_ += to - tap_.settled();
  check_raw_limit();
  tap_.pass(to, [this](std::span<const std::byte> bytes) {
    if (record_ != nullptr) record_->raw(bytes);
  });
}

const TarEntry* TarReader::next() {
  if (in_entry_) finish_entry();
  in_entry_ = false;
  header_at_ = position();
  header_limit_ = header_at_ + limits_.max_pax_bytes + BlockPipe::kBlockBytes;
  archive_entry* entry = nullptr;
  const int result = ::archive_read_next_header(archive_.get(), &entry);
  header_limit_ = 0;
  if (failure_) std::rethrow_exception(failure_);
  if (result == ARCHIVE_EOF) {
    read_to_end();
    return nullptr;
  }
  try {
    if (result != ARCHIVE_OK && !(result == ARCHIVE_WARN && only_charset(archive_.get())))
      fail(result);
    read_header(entry);
  } catch (Error& error) {
    // The best name there is as yet: libarchive's.
    const char* name = entry != nullptr ? ::archive_entry_pathname(entry) : nullptr;
    if (name != nullptr) error.add_context("entry '" + printable(name) + "'");
    throw;
  }
  in_entry_ = true;
  return &entry_;
}

void TarReader::read_header(archive_entry* entry) {
  const std::uint64_t body_at = position();
  if (static_cast<std::uint64_t>(::archive_read_header_position(archive_.get())) != header_at_)
    refuse_archive("the entry does not begin where the one before it ends");
  if (body_at - header_at_ > limits_.max_pax_bytes + kTarBlock) refuse_headers(limits_);
  entry_.header = read_tar_header(tap_.view(header_at_, body_at), limits_);
  claiming_ = false;
  next_offset_ = region_bytes_ = 0;
  entry_.size_bytes = 0;
  const TarHeader& header = entry_.header;
  const std::uint64_t expected = header_at_ + header.header_bytes;
  if (header.map_in_body ? body_at <= expected : body_at != expected)
    refuse_archive("its headers can be read in two ways");
  if (header.type == TarType::file) check_sparse(entry);
  pass_raw(body_at);
}

void TarReader::check_sparse(archive_entry* entry) {
  const la_int64_t size = ::archive_entry_size(entry);
  if (size < 0) refuse_archive("a file of negative size");
  entry_.size_bytes = static_cast<std::uint64_t>(size);
  mapped_bytes_ = entry_.header.body_bytes;
  if (!entry_.header.sparse) {
    if (entry_.size_bytes != mapped_bytes_) refuse_archive("its size can be read in two ways");
    return;
  }
  if (entry_.header.map_in_body) {
    const std::uint64_t map_bytes = position() - header_at_ - entry_.header.header_bytes;
    if (map_bytes > mapped_bytes_) refuse_archive("a sparse map longer than its entry");
    mapped_bytes_ -= map_bytes;
  }
  check_map(entry);
}

// libarchive is content with a map that promises more than there is. It forgets a map that covers
// the whole file.
void TarReader::check_map(archive_entry* entry) const {
  std::uint64_t promised = 0;
  const int count = ::archive_entry_sparse_reset(entry);
  for (int i = 0; i < count; ++i) {
    la_int64_t offset = 0;
    la_int64_t length = 0;
    if (::archive_entry_sparse_next(entry, &offset, &length) != ARCHIVE_OK || length < 0) break;
    promised += static_cast<std::uint64_t>(length); // each at most 2^63-1 …
    if (promised > mapped_bytes_) break;            // … and never two of them
  }
  const bool fits = count > 0 ? promised == mapped_bytes_
                              : mapped_bytes_ == 0 || mapped_bytes_ == entry_.size_bytes;
  if (!fits) refuse_archive("its content and its sparse map do not fit");
}

FileContent& TarReader::content(const RelPath& path) {
  claiming_ = true;
  if (record_ != nullptr) record_->begin_file(path, entry_.size_bytes);
  return *content_;
}

FileContent::Region TarReader::next_region() {
  FileContent::Region region;
  if (!read_region(region)) return {};
  return region;
}

bool TarReader::read_region(FileContent::Region& region) {
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int result = ::archive_read_data_block(archive_.get(), &data, &size, &offset);
  if (result == ARCHIVE_EOF) return false;
  if (result != ARCHIVE_OK) fail(result);
  region.offset = static_cast<std::uint64_t>(offset);
  region.data = {static_cast<const std::byte*>(data), size};
  const std::uint64_t at = position();
  pass_raw(at);
  region_bytes_ += size;
  if (!claiming_) {
    pass_raw(at + size);
    return true;
  }
  if (offset < 0 || region.offset < next_offset_ || size > entry_.size_bytes ||
      region.offset > entry_.size_bytes - size)
    refuse_archive("a sparse map that overlaps itself or passes the file's end");
  next_offset_ = region.offset + size;
  if (record_ != nullptr) record_->content(region.offset, region.data);
  tap_.claim(at + size);
  return true;
}

void TarReader::finish_entry() {
  FileContent::Region rest;
  while (read_region(rest)) {
  }
  if (claiming_ && record_ != nullptr) record_->end_file();
  check_entry_end();
  pass_raw(position());
  in_entry_ = false;
}

void TarReader::check_entry_end() {
  const TarHeader& header = entry_.header;
  const std::uint64_t end = position() - header_at_ - header.header_bytes;
  const std::uint64_t whole = round_to_block(header.body_bytes);
  switch (header.type) {
  case TarType::file:
    if (end != whole || region_bytes_ != mapped_bytes_)
      refuse_archive("its content and its sparse map do not fit");
    break;
  case TarType::hardlink: // carries content in pax archives only, by libarchive's reading
    if (end != 0 && end != whole) refuse_archive("its content can be read in two ways");
    break;
  default:
    if (end != 0) refuse_archive("content where there can be none");
  }
}

void TarReader::read_to_end() {
  const std::uint64_t at = position();
  const auto last =
      at >= header_at_ + kTarBlock ? tap_.view(at - kTarBlock, at) : std::span<const std::byte>{};
  end_marked_ = !last.empty() && all_zero(last);
  if (at == 0) refuse_archive("not a tar: it is empty");
  pass_raw(at);
  for (;;) {
    const std::uint64_t from = tap_.settled();
    const std::uint64_t to = tap_.pulled();
    if (from < to) {
      if (!end_marked_)
        refuse_archive("the tar is truncated or malformed: its last block is not whole");
      if (!all_zero(tap_.view(from, to))) refuse_archive("data after the end of the archive");
      pass_raw(to);
    }
    if (pull().empty()) return;
  }
}

} // namespace layerbox
