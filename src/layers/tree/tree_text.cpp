#include "layers/tree/tree_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/digest.hpp"
#include "layers/tree/dir_reader.hpp"

namespace layerbox {
namespace {

std::string in_quotes(const RelPath& path) {
  return '"' + printable(path.str()) + '"';
}

std::string owner_and_time(const Metadata& m) {
  return fmt::format("{}:{} {}.{:09}", m.uid, m.gid, m.mtime.seconds, m.mtime.nanoseconds);
}

std::string permissions(const Metadata& m) {
  return fmt::format("{:04o} ", m.mode);
}

std::string attributes(const Metadata& m) {
  std::string text;
  for (const auto& [name, value] : m.xattrs) {
    text += ' ' + printable(name) + '=';
    for (const char c : value)
      text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return text + '\n';
}

void hash_zeros(Sha256& hash, std::uint64_t count) {
  static const std::vector<std::byte> kZeros(std::size_t{64} << 10);
  while (count > 0) {
    const std::size_t step =
        static_cast<std::size_t>(std::min<std::uint64_t>(count, kZeros.size()));
    hash.update(std::span(kZeros).first(step));
    count -= step;
  }
}

} // namespace

void TreeText::directory(const RelPath& path, const Metadata& metadata) {
  text_ += "dir " + permissions(metadata) + owner_and_time(metadata) + ' ' + in_quotes(path) +
           attributes(metadata);
}

void TreeText::file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
                    FileContent& content) {
  Sha256 hash;
  std::uint64_t at = 0;
  for (auto region = content.next(); !region.data.empty(); region = content.next()) {
    hash_zeros(hash, region.offset - at);
    hash.update(region.data);
    at = region.offset + region.data.size();
  }
  hash_zeros(hash, size_bytes - at);
  text_ += "file " + permissions(metadata) + owner_and_time(metadata) + ' ' + in_quotes(path) +
           fmt::format(" {} {}", size_bytes, hash.finish().str()) + attributes(metadata);
}

void TreeText::symlink(const RelPath& path, const Metadata& metadata, const std::string& target) {
  text_ += "symlink " + owner_and_time(metadata) + ' ' + in_quotes(path) + " -> \"" +
           printable(target) + '"' + attributes(metadata);
}

void TreeText::hardlink(const RelPath& path, const Metadata&, const RelPath& target) {
  text_ += "link " + in_quotes(path) + " -> " + in_quotes(target) + '\n';
}

void TreeText::special(const RelPath& path, const Metadata& metadata, const Special& special) {
  const bool fifo = special.type == SpecialType::fifo;
  text_ += fifo ? "fifo " : (special.type == SpecialType::character_device ? "char " : "block ");
  text_ += permissions(metadata) + owner_and_time(metadata) + ' ' + in_quotes(path);
  if (!fifo) text_ += fmt::format(" {}:{}", special.major, special.minor);
  text_ += attributes(metadata);
}

void TreeText::whiteout(const RelPath& path) {
  text_ += "whiteout " + in_quotes(path) + '\n';
}

void TreeText::opaque(const RelPath& path) {
  text_ += "opaque " + in_quotes(path) + '\n';
}

std::string tree_text(FdRef top) {
  TreeText text;
  read_directory(top, text);
  return text.text();
}

} // namespace layerbox
