#include "layers/oci/archive_index.hpp"

#include <algorithm>
#include <vector>

#include "base/digest.hpp"
#include "base/error.hpp"

namespace layerbox {
namespace {

[[noreturn]] void refuse(std::string_view member, const std::string& why) {
  throw Error(ErrorKind::corrupt, "member '" + printable(member) + "': " + why);
}

RelPath name_of(const std::string& name) {
  try {
    return RelPath::parse(name);
  } catch (const Error& error) {
    throw Error(ErrorKind::corrupt, error.what());
  }
}

// The name that symlink `name` points at, read as text: nothing is on a disk here.
RelPath symlink_target(const RelPath& name, const std::string& link) {
  const bool absolute = !link.empty() && link.front() == '/';
  std::string whole = absolute ? "" : name.parent().str();
  std::size_t at = 0;
  while (at <= link.size()) {
    const std::size_t slash = std::min(link.find('/', at), link.size());
    const std::string part = link.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      whole += "/" + part;
      continue;
    }
    if (whole.empty()) refuse(name.str(), "is a link that leads out of the archive");
    whole.resize(whole.rfind('/') == std::string::npos ? 0 : whole.rfind('/'));
  }
  return name_of(whole);
}

void require_zeros(const ByteReader& reader, std::uint64_t from) {
  std::vector<std::byte> buffer(std::size_t{64} << 10);
  while (const std::size_t got = reader(from, buffer)) {
    const auto part = std::span(buffer).first(got);
    if (std::any_of(part.begin(), part.end(), [](std::byte b) { return b != std::byte{0}; }))
      throw Error(ErrorKind::corrupt,
                  "the archive is followed by bytes that do not belong to it, after byte " +
                      std::to_string(from));
    from += got;
  }
}

bool begins_with_digest(std::string_view name) {
  if (name.substr(0, 7) == "sha256:") name.remove_prefix(7);
  return Digest::from_hex(name.substr(0, Digest::kHexChars)).has_value();
}

bool is_image_part(std::string_view name) {
  constexpr std::string_view kBlobs = "blobs/sha256/";
  if (name == "oci-layout") return true;
  if (name.starts_with(kBlobs)) return begins_with_digest(name.substr(kBlobs.size()));
  return begins_with_digest(name) && (name.ends_with(".json") || name.ends_with(".tar"));
}

} // namespace

ArchiveIndex ArchiveIndex::read(const ByteReader& reader, std::uint64_t size_bytes,
                                const ImportLimits& limits) {
  ArchiveIndex index;
  TarHeaders headers(reader, limits.max_pax_bytes);
  std::size_t count = 0;
  while (auto member = headers.next()) {
    if (++count > kMaxMembers)
      throw Error(ErrorKind::limit_exceeded, "the archive has more than the limit of " +
                                                 std::to_string(kMaxMembers) + " members");
    if (member->offset > size_bytes || member->size_bytes > size_bytes - member->offset)
      refuse(member->name, "the archive ends too early, inside it");
    index.add(std::move(*member));
  }
  if (headers.position() < size_bytes) require_zeros(reader, headers.position());
  return index;
}

void ArchiveIndex::add(TarMember member) {
  const RelPath name = name_of(member.name);
  if (name.is_top()) return;
  members_.insert_or_assign(name, std::move(member));
}

std::optional<ArchiveIndex::Place> ArchiveIndex::find(const RelPath& name) const {
  RelPath at = name;
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto found = members_.find(at);
    if (found == members_.end()) {
      if (links == 0) return std::nullopt;
      refuse(name.str(), "is a link to '" + printable(at.str()) + "', which the archive lacks");
    }
    const TarMember& member = found->second;
    switch (member.type) {
    case TarMemberType::file:
      return Place{member.offset, member.size_bytes};
    case TarMemberType::symlink:
      at = symlink_target(at, member.link);
      break;
    case TarMemberType::hardlink:
      at = name_of(member.link);
      break;
    default:
      refuse(name.str(), "is not a regular file");
    }
  }
  refuse(name.str(), "is a link in more than " + std::to_string(kMaxLinks) + " steps");
}

bool ArchiveIndex::has_image_parts() const {
  return std::any_of(members_.begin(), members_.end(),
                     [](const auto& member) { return is_image_part(member.first.str()); });
}

std::optional<TarMember> first_member(const ByteReader& reader, const ImportLimits& limits) {
  try {
    TarHeaders headers(reader, limits.max_pax_bytes);
    while (auto member = headers.next()) {
      const RelPath name = RelPath::parse(member->name);
      if (name.is_top()) continue;
      member->name = name.str();
      return member;
    }
  } catch (const Error& error) {
    // What is wrong with it is for the reader of rootfs tars to say; what cannot be read is not.
    if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::limit_exceeded &&
        error.kind() != ErrorKind::invalid_argument)
      throw;
  }
  return std::nullopt;
}

bool may_begin_image_archive(const TarMember& member) {
  const std::string_view name = member.name;
  const std::string_view top = name.substr(0, name.find('/'));
  return top == "blobs" || begins_with_digest(top) ||
         (member.type == TarMemberType::file && top == name);
}

} // namespace layerbox
