#include "layers/tar/tar_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/error.hpp"
#include "layers/tar/pax_attributes.hpp"
#include "layers/tar/tar_fields.hpp"

namespace layerbox {
namespace {

constexpr std::uint32_t kMaxMajor = (1U << 12) - 1; // what mknod(2) on Linux takes
constexpr std::uint32_t kMaxMinor = (1U << 20) - 1;
constexpr std::uint64_t kTypeBits = 0170000;
constexpr std::uint64_t kSocketBits = 0140000;

[[noreturn]] void refuse_header(const std::string& why) {
  throw Error(ErrorKind::corrupt, why);
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A GNU long name: a C string and its NUL. More after that is a second name for somebody.
std::string long_name(std::string_view body) {
  const std::string_view name = TarBlock::until_nul(body);
  if (body.substr(name.size()).find_first_not_of('\0') != std::string_view::npos)
    refuse_header("a long name holds a NUL byte");
  if (name.empty()) refuse_header("an empty long name");
  return std::string(name);
}

// Header blocks in order; the bodies of those that describe another header.
class Blocks {
 public:
  explicit Blocks(std::span<const std::byte> raw) : raw_(raw) {}
  TarBlock next() {
    const auto block = take(kTarBlock);
    return TarBlock(block);
  }
  std::string_view body(std::uint64_t size) {
    if (size > raw_.size() - at_) refuse_header("a header that is cut short");
    return text_of(take(round_to_block(size))).substr(0, static_cast<std::size_t>(size));
  }
  std::uint64_t at() const { return at_; }

 private:
  std::span<const std::byte> take(std::uint64_t size) {
    if (size > raw_.size() - at_) refuse_header("a header that is cut short");
    const auto part = raw_.subspan(at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
    return part;
  }

  std::span<const std::byte> raw_;
  std::size_t at_ = 0;
};

struct Prefix { // what headers before the entry's own say
  std::optional<std::string> long_name;
  std::optional<std::string> long_link;
  std::optional<PaxAttributes> pax;
};

template <typename T> void set_once(std::optional<T>& slot, T value, const char* what) {
  if (slot) refuse_header(std::string("two ") + what + " before one entry");
  slot = std::move(value);
}

// Reads one header that describes the next; false when `block` is the entry's own.
bool read_prefix(const TarBlock& block, Blocks& blocks, const ImportLimits& limits,
                 Prefix& prefix) {
  switch (block.type()) {
  case 'x':
  case 'X': // the same in Solaris's hand
    set_once(prefix.pax, parse_pax_attributes(blocks.body(block.size()), limits), "pax headers");
    return true;
  case 'g':
    blocks.body(block.size());
    return true;
  case 'L':
    set_once(prefix.long_name, long_name(blocks.body(block.size())), "long names");
    return true;
  case 'K':
    set_once(prefix.long_link, long_name(blocks.body(block.size())), "long links");
    return true;
  case 'V': // a volume's label
    if (block.size() != 0) refuse_header("a volume label with content");
    return true;
  default:
    return false;
  }
}

TarType type_of(const TarBlock& block, std::string_view name, std::uint64_t mode) {
  switch (block.type()) {
  case '\0':
  case '0':
  case '7':
    if (name.ends_with('/')) return TarType::directory; // as tars wrote them before POSIX
    return (mode & kTypeBits) == kSocketBits ? TarType::socket : TarType::file;
  case 'S':
    return TarType::file;
  case '1':
    return TarType::hardlink;
  case '2':
    return TarType::symlink;
  case '3':
    return TarType::character_device;
  case '4':
    return TarType::block_device;
  case '5':
    return TarType::directory;
  case '6':
    return TarType::fifo;
  default:
    refuse_header(fmt::format("an entry of type '{}', which layers do not have",
                              printable(std::string_view(block.field(156, 1)))));
  }
}

std::string one_name(const std::optional<std::string>& gnu, const std::string& pax,
                     const std::string& own) {
  if (gnu && !pax.empty() && *gnu != pax)
    refuse_header("two names that differ, one GNU and one pax");
  if (!pax.empty()) return pax;
  return gnu ? *gnu : own;
}

std::uint32_t id_of(const std::optional<std::uint32_t>& pax, std::string_view field,
                    const char* what) {
  return pax ? *pax : checked_id(parse_tar_number(field, what), what);
}

void read_device(const TarBlock& block, const PaxAttributes& pax, TarHeader& header) {
  const std::int64_t major =
      pax.device_major.value_or(parse_tar_number(block.field(329, 8), "devmajor"));
  const std::int64_t minor =
      pax.device_minor.value_or(parse_tar_number(block.field(337, 8), "devminor"));
  if (major < 0 || major > kMaxMajor || minor < 0 || minor > kMaxMinor)
    refuse_header(fmt::format("a device {}:{}, which cannot be", major, minor));
  header.device_major = static_cast<std::uint32_t>(major);
  header.device_minor = static_cast<std::uint32_t>(minor);
}

// The old GNU dialect: the map is in the header and in blocks that follow it (GNU tar manual,
// "Storing Sparse Files", old format). libarchive looks at these fields whatever the type is.
void read_gnu_sparse(const TarBlock& block, Blocks& blocks, TarHeader& header) {
  const bool maps = block.is_gnu() && block.field(386, 1)[0] != '\0';
  const bool extended = block.is_gnu() && block.field(482, 1)[0] != '\0';
  const bool real_size = block.is_gnu() && block.field(483, 1)[0] != '\0';
  if (block.type() != 'S') {
    if (maps || extended || real_size) refuse_header("a sparse map on what is not a sparse file");
    return;
  }
  if (!block.is_gnu()) refuse_header("a sparse file that is not GNU tar's");
  if (extended && !maps) refuse_header("a sparse map that is empty but goes on");
  header.sparse = true;
  bool more = extended;
  while (more)
    more = blocks.next().field(504, 1)[0] != '\0';
}

void check_body(const TarBlock& block, const PaxAttributes& pax, const TarHeader& header) {
  if (header.sparse && header.type != TarType::file)
    refuse_header("a sparse map on what is not a file");
  if (header.type == TarType::file || header.type == TarType::hardlink) return;
  if (pax.size.value_or(0) != 0) refuse_header("a size on what is not a file");
  const bool plain_type = block.type() == '\0' || block.type() == '0' || block.type() == '7';
  if (plain_type && header.body_bytes != 0) refuse_header("a directory or socket with content");
}

} // namespace

TarHeader read_tar_header(std::span<const std::byte> raw, const ImportLimits& limits) {
  Blocks blocks(raw);
  Prefix prefix;
  TarBlock block = blocks.next();
  for (;; block = blocks.next()) {
    if (!block.checksum_matches()) refuse_header("a header whose checksum is wrong");
    if (!read_prefix(block, blocks, limits, prefix)) break;
  }
  PaxAttributes pax = prefix.pax ? std::move(*prefix.pax) : PaxAttributes{};

  TarHeader header;
  header.name = one_name(prefix.long_name, pax.path, block.name());
  if (!pax.sparse_name.empty()) header.name = pax.sparse_name;
  const std::int64_t mode = parse_tar_number(block.field(100, 8), "mode");
  header.type = type_of(block, header.name, static_cast<std::uint64_t>(mode));
  header.metadata.mode = static_cast<mode_t>(mode) & 07777;
  if (header.type == TarType::hardlink || header.type == TarType::symlink)
    header.link = one_name(prefix.long_link, pax.link, block.link());
  header.metadata.uid = id_of(pax.uid, block.field(108, 8), "uid");
  header.metadata.gid = id_of(pax.gid, block.field(116, 8), "gid");
  header.metadata.mtime =
      pax.mtime ? *pax.mtime : TimeStamp{parse_tar_number(block.field(136, 12), "mtime"), 0};
  header.metadata.xattrs = std::move(pax.xattrs);
  header.dropped = pax.dropped;
  if (header.type == TarType::character_device || header.type == TarType::block_device)
    read_device(block, pax, header);

  header.body_bytes = pax.size.value_or(block.size());
  header.sparse = pax.sparse;
  header.map_in_body = pax.map_in_body;
  read_gnu_sparse(block, blocks, header);
  check_body(block, pax, header);
  header.header_bytes = blocks.at();
  return header;
}

} // namespace layerbox
