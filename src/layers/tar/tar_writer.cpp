#include "layers/tar/tar_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "layers/tar/pax_records.hpp"
#include "layers/tar/tar_fields.hpp"
#include "layers/tar/tar_rules.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kWriteBytes = std::size_t{256} << 10;
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kPrefixBytes = 155;
constexpr std::uint64_t kMaxOctal7 = 07777777;      // ids and device numbers
constexpr std::uint64_t kMaxOctal11 = 077777777777; // sizes and times

// The octal digits of a header's field, with zeros in front and a NUL behind; 0 for what does not
// fit, which a pax record has then.
std::string octal(std::uint64_t number, std::size_t field_bytes, std::uint64_t most) {
  return fmt::format("{:0{}o}", number > most ? 0 : number, field_bytes - 1);
}

// [-]SECONDS[.FRACTION]
std::string pax_time(const TimeStamp& time) {
  constexpr std::uint32_t kSecond = 1'000'000'000;
  const bool below = time.seconds < 0 && time.nanoseconds > 0;
  const std::int64_t seconds = below ? time.seconds + 1 : time.seconds;
  const std::uint32_t nanoseconds = below ? kSecond - time.nanoseconds : time.nanoseconds;
  std::string text = seconds == 0 && below ? "-0" : std::to_string(seconds);
  if (nanoseconds == 0) return text;
  text += fmt::format(".{:09}", nanoseconds);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// Where a name can be cut into prefix and name; 0: nowhere.
std::size_t cut_of(std::string_view name) {
  if (name.size() > kPrefixBytes + 1 + kNameBytes) return 0;
  // A directory's own '/' at the end is no place to cut.
  for (std::size_t at = std::min(kPrefixBytes, name.size() - 2); at > 0; --at)
    if (name[at] == '/') return name.size() - at - 1 <= kNameBytes ? at : 0;
  return 0;
}

void set(std::array<char, kTarBlock>& block, std::size_t offset, std::string_view text) {
  std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(offset));
}

} // namespace

// An entry on its way into a header.
struct TarWriter::Entry {
  std::string name;
  char type = '0';
  const Metadata& metadata;
  std::string link = {};
  std::uint64_t size_bytes = 0; // of what follows the header
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::string pax = {}; // records so far
};

void TarWriter::directory(const RelPath& path, const Metadata& metadata) {
  check_name(path);
  put_header({path.is_top() ? "./" : path.str() + '/', '5', metadata});
}

void TarWriter::file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
                     FileContent& content) {
  check_name(path);
  Entry entry{path.str(), '0', metadata};
  if (const auto extents = content.extents())
    return sparse_file(entry, size_bytes, *extents, content);
  entry.size_bytes = size_bytes;
  put_header(entry);
  std::uint64_t at = 0;
  for (auto region = content.next(); !region.data.empty(); region = content.next()) {
    if (region.offset + region.data.size() > size_bytes)
      throw Error(ErrorKind::corrupt, "'" + printable(path.str()) + "' grew while it was read");
    put_zeros(region.offset - at);
    put(region.data);
    at = region.offset + region.data.size();
  }
  put_zeros(size_bytes - at);
  pad(size_bytes);
}

// What is written into it is the content of a file; it counts.
class TarWriter::ContentSink : public Sink {
 public:
  ContentSink(TarWriter& tar, std::uint64_t size_bytes) : tar_(tar), left_(size_bytes) {}
  void write(std::span<const std::byte> data) override {
    if (data.size() > left_) throw Error(ErrorKind::corrupt, "it has more bytes than it should");
    left_ -= data.size();
    tar_.put(data);
  }
  std::uint64_t left() const { return left_; }

 private:
  TarWriter& tar_;
  std::uint64_t left_;
};

void TarWriter::file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
                     const std::function<void(Sink& out)>& write_content) {
  check_name(path);
  Entry entry{path.str(), '0', metadata};
  entry.size_bytes = size_bytes;
  put_header(entry);
  ContentSink content(*this, size_bytes);
  with_context([&] { return "'" + printable(path.str()) + "'"; },
               [&] {
                 write_content(content);
                 if (content.left() > 0)
                   throw Error(ErrorKind::corrupt, "it has fewer bytes than it should");
               });
  pad(size_bytes);
}

// The map of the regions stands before them, in decimal lines: how many, then offset and length of
// each. A hole at the end is a region of no bytes there.
void TarWriter::sparse_file(Entry& entry, std::uint64_t size_bytes, std::span<const Extent> extents,
                            FileContent& content) {
  std::uint64_t data_bytes = 0;
  std::uint64_t end = 0;
  std::string lines;
  for (const Extent& extent : extents) {
    lines += fmt::format("{}\n{}\n", extent.offset, extent.length);
    data_bytes += extent.length;
    end = extent.offset + extent.length;
  }
  const bool hole_at_end = end < size_bytes;
  if (hole_at_end) lines += fmt::format("{}\n0\n", size_bytes);
  std::string map = fmt::format("{}\n{}", extents.size() + (hole_at_end ? 1 : 0), lines);
  map.resize(round_to_block(map.size()), '\0');

  entry.pax = pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
              pax_record("GNU.sparse.name", entry.name) +
              pax_record("GNU.sparse.realsize", std::to_string(size_bytes));
  // What a reader that does not know sparse files makes of it has a name of its own.
  const std::size_t slash = entry.name.rfind('/');
  const std::size_t base = slash == std::string::npos ? 0 : slash + 1;
  entry.name.insert(base, "GNUSparseFile.0/");
  entry.size_bytes = map.size() + data_bytes;
  put_header(entry);
  put(map);
  for (auto region = content.next(); !region.data.empty(); region = content.next()) {
    if (region.data.size() > data_bytes)
      throw Error(ErrorKind::corrupt, "a sparse file changed while it was read");
    data_bytes -= region.data.size();
    put(region.data);
  }
  if (data_bytes > 0) throw Error(ErrorKind::corrupt, "a sparse file changed while it was read");
  pad(entry.size_bytes);
}

void TarWriter::symlink(const RelPath& path, const Metadata& metadata, const std::string& target) {
  check_name(path);
  Metadata link = metadata;
  link.mode = 0777;
  put_header({path.str(), '2', link, target});
}

void TarWriter::hardlink(const RelPath& path, const Metadata& metadata, const RelPath& target) {
  check_name(path);
  put_header({path.str(), '1', metadata, target.str()});
}

void TarWriter::special(const RelPath& path, const Metadata& metadata, const Special& special) {
  check_name(path);
  const char type = special.type == SpecialType::fifo               ? '6'
                    : special.type == SpecialType::character_device ? '3'
                                                                    : '4';
  put_header({path.str(), type, metadata, {}, 0, special.major, special.minor});
}

void TarWriter::whiteout(const RelPath& path) {
  check_name(path);
  if (kWhiteoutPrefix.size() + path.filename().size() > RelPath::kMaxComponentBytes)
    throw Error(ErrorKind::unsupported,
                "'/" + printable(path.str()) +
                    "' was deleted, and its name is too long for a layer to say so (251 bytes)");
  const Metadata nothing;
  const std::string directory = path.parent().is_top() ? "" : path.parent().str() + '/';
  put_header(
      {directory + std::string(kWhiteoutPrefix) + std::string(path.filename()), '0', nothing});
}

void TarWriter::opaque(const RelPath& path) {
  check_name(path);
  const Metadata nothing;
  put_header({(path.is_top() ? "" : path.str() + '/') + std::string(kOpaqueName), '0', nothing});
}

void TarWriter::finish() {
  put_zeros(2 * kTarBlock);
  flush();
}

void TarWriter::check_name(const RelPath& path) const {
  if (kind_ != TarKind::layer || !path.filename().starts_with(kWhiteoutPrefix)) return;
  throw Error(ErrorKind::unsupported,
              "'/" + printable(path.str()) + "': no layer can have a name that begins with '.wh.'")
      .set_hint("in a layer such a name deletes another; rename the file");
}

void TarWriter::put_header(const Entry& entry) {
  const Metadata& m = entry.metadata;
  std::string pax = entry.pax;
  std::string_view name = entry.name;
  std::string_view prefix;
  if (name.size() > kNameBytes) {
    if (const std::size_t cut = cut_of(name)) {
      prefix = name.substr(0, cut);
      name.remove_prefix(cut + 1);
    } else {
      if (entry.pax.empty()) pax += pax_record("path", name);
      name = name.substr(0, kNameBytes);
    }
  }
  if (entry.link.size() > kNameBytes) pax += pax_record("linkpath", entry.link);
  if (m.uid > kMaxOctal7) pax += pax_record("uid", std::to_string(m.uid));
  if (m.gid > kMaxOctal7) pax += pax_record("gid", std::to_string(m.gid));
  if (entry.size_bytes > kMaxOctal11) pax += pax_record("size", std::to_string(entry.size_bytes));
  if (m.mtime.nanoseconds != 0 || m.mtime.seconds < 0 ||
      static_cast<std::uint64_t>(m.mtime.seconds) > kMaxOctal11)
    pax += pax_record("mtime", pax_time(m.mtime));
  for (const auto& [key, value] : m.xattrs)
    pax += pax_xattr_record(key, value);
  if (!pax.empty()) put_pax(pax);
  put_block(name, prefix, entry);
}

void TarWriter::put_block(std::string_view name, std::string_view prefix, const Entry& entry) {
  const Metadata& m = entry.metadata;
  const auto seconds =
      m.mtime.seconds < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(m.mtime.seconds);
  std::array<char, kTarBlock> block{};
  set(block, 0, name);
  set(block, 100, octal(m.mode, 8, kMaxOctal7));
  set(block, 108, octal(m.uid, 8, kMaxOctal7));
  set(block, 116, octal(m.gid, 8, kMaxOctal7));
  set(block, 124, octal(entry.size_bytes, 12, kMaxOctal11));
  set(block, 136, octal(seconds, 12, kMaxOctal11));
  set(block, 148, "        ");
  block[156] = entry.type;
  set(block, 157, std::string_view(entry.link).substr(0, kNameBytes));
  set(block, 257, std::string_view("ustar\00000", 8));
  set(block, 329, octal(entry.major, 8, kMaxOctal7));
  set(block, 337, octal(entry.minor, 8, kMaxOctal7));
  set(block, 345, prefix);
  std::uint64_t sum = 0;
  for (const char c : block)
    sum += static_cast<unsigned char>(c);
  set(block, 148, octal(sum, 7, kMaxOctal7));
  block[154] = '\0';
  put(std::string_view(block.data(), block.size()));
}

void TarWriter::put_pax(const std::string& records) {
  Metadata plain;
  plain.mode = 0644;
  const Entry header{"././@PaxHeader", 'x', plain, {}, records.size()};
  put_block(header.name, {}, header);
  put(records);
  pad(records.size());
}

void TarWriter::put(std::string_view bytes) {
  put(std::as_bytes(std::span(bytes)));
}

void TarWriter::put(std::span<const std::byte> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (buffer_.size() >= kWriteBytes) flush();
}

void TarWriter::put_zeros(std::uint64_t count) {
  while (count > 0) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(count, kWriteBytes));
    buffer_.resize(buffer_.size() + step);
    if (buffer_.size() >= kWriteBytes) flush();
    count -= step;
  }
}

void TarWriter::pad(std::uint64_t size_bytes) {
  put_zeros((kTarBlock - size_bytes % kTarBlock) % kTarBlock);
}

void TarWriter::flush() {
  out_.write(buffer_);
  buffer_.clear();
}

} // namespace layerbox
