#include "layers/copy/unpack_copy.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <limits>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tar/tar_reader.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxLinkTarget = 4095; // PATH_MAX without the NUL
constexpr std::size_t kShownBytes = 300;

// What bounds an import, which is stored; a copy is bounded by where it goes.
ImportLimits copy_limits() {
  ImportLimits limits;
  limits.max_bytes = std::uint64_t{1} << 62;
  limits.max_xattrs = std::numeric_limits<std::uint32_t>::max();
  return limits;
}

std::string shown_entry(const std::string& name) {
  return "entry '" + printable(name.substr(0, kShownBytes)) +
         (name.size() > kShownBytes ? "…'" : "'");
}

[[noreturn]] void refuse_tar(const std::string& why) {
  throw Error(ErrorKind::corrupt, why);
}

// A directory that is there, and what the first component of names becomes below it.
struct Place {
  UniqueFd dir;
  RelPath prefix; // what "./" becomes
};

class CopyUnpacking {
 public:
  CopyUnpacking(Source& tar, const OpenName& open, const CopyDestination& destination,
                const CoveredPlaces& covered)
      : limits_(copy_limits()), reader_(tar, nullptr, limits_, {}), open_(open),
        destination_(destination), covered_(covered) {}

  Unheld run() {
    while (const TarEntry* entry = reader_.next()) {
      const auto in_entry = [&](const auto& work) {
        return with_context([&] { return shown_entry(entry->header.name); }, work);
      };
      const RelPath path = in_entry([&] { return RelPath::parse(entry->header.name); });
      if (!writer_) begin(path, entry->header.type == TarType::directory);
      in_entry([&] {
        unpack(*entry, path);
        reader_.finish_entry();
      });
    }
    if (!writer_) refuse_tar("the tar is empty");
    writer_->finish();
    return writer_->unheld();
  }

 private:
  void begin(const RelPath& first, bool is_directory) {
    has_base_ = destination_.tar == CopyTar::told && !destination_.base.empty();
    if (destination_.tar == CopyTar::told && first.str() != destination_.base)
      refuse_tar("it is not what was to be copied");
    place_ = find_place(is_directory);
    covered_.require_seen(place_.dir, "");
    writer_.emplace(place_.dir, CopyWriter::Options{destination_.owner, &covered_});
  }

  Place find_place(bool is_directory) const {
    const CopyName& name = destination_.name;
    if (auto there = try_open_directory(name.path))
      return {std::move(*there), has_base_ ? RelPath::parse(destination_.base) : RelPath()};
    const std::string shown = "'" + printable(name.path) + "'";
    if (destination_.tar == CopyTar::foreign || name.base.empty() ||
        (name.must_be_directory && !is_directory))
      throw Error(ErrorKind::not_found, shown + " is not a directory");
    UniqueFd parent = open_(name.parent, O_PATH | O_DIRECTORY);
    const auto status = try_stat_at(parent, name.base.c_str());
    if (is_directory && status)
      throw Error(ErrorKind::already_exists,
                  shown + " is no directory, and cannot become one by copying one onto it");
    return {std::move(parent), RelPath::parse(name.base)};
  }

  // Nothing when the name is not that of a directory, and may be that of a new file.
  std::optional<UniqueFd> try_open_directory(const std::string& name) const {
    try {
      return open_(name, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    } catch (const Error& error) {
      const int why = error.error_number();
      if (why == ENOENT || why == ENOTDIR || why == ELOOP) return std::nullopt;
      throw;
    }
  }

  RelPath placed(const RelPath& path) const {
    if (!has_base_) {
      if (place_.prefix.is_top()) return path;
      return path.is_top() ? place_.prefix : RelPath::parse(place_.prefix.str() + '/' + path.str());
    }
    const RelPath base = RelPath::parse(destination_.base);
    if (!path.starts_with(base)) refuse_tar("it is not of what was to be copied");
    return RelPath::parse(place_.prefix.str() + path.str().substr(base.str().size()));
  }

  void unpack(const TarEntry& entry, const RelPath& path) {
    const TarHeader& header = entry.header;
    const RelPath place = placed(path);
    switch (header.type) {
    case TarType::file:
      return writer_->file(place, header.metadata, entry.size_bytes, reader_.content(place));
    case TarType::hardlink:
      return writer_->hardlink(place, header.metadata, placed(RelPath::parse(header.link)));
    case TarType::symlink:
      if (header.link.empty() || header.link.size() > kMaxLinkTarget)
        refuse_tar("a symlink without a target, or with one of more than 4095 bytes");
      return writer_->symlink(place, header.metadata, header.link);
    case TarType::directory:
      return writer_->directory(place, header.metadata);
    case TarType::fifo:
      return writer_->special(place, header.metadata, {SpecialType::fifo, 0, 0});
    case TarType::character_device:
    case TarType::block_device:
      return writer_->special(place, header.metadata, {SpecialType::block_device, 0, 0});
    case TarType::socket:
      return;
    }
  }

  ImportLimits limits_;
  TarReader reader_;
  const OpenName& open_;
  const CopyDestination& destination_;
  const CoveredPlaces& covered_;
  bool has_base_ = false;
  Place place_;
  std::optional<CopyWriter> writer_;
};

} // namespace

Unheld unpack_copy(Source& tar, const OpenName& open, const CopyDestination& destination,
                   const CoveredPlaces& covered) {
  return CopyUnpacking(tar, open, destination, covered).run();
}

} // namespace layerbox
