#include "layers/tar/true_entries.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/import_limits.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tar/tar_fields.hpp"
#include "layers/tar/tar_header.hpp"
#include "layers/tar/tar_rules.hpp"

namespace layerbox {
namespace {

// The tar of a record, one header after the other, without reading the files.
class Headers {
 public:
  explicit Headers(FdRef record)
      : file_(record, 0, static_cast<std::uint64_t>(stat_fd(record).st_size), "the layer record"),
        reader_(file_) {}

  // False at the end of the tar.
  bool next(TarHeader& header) {
    std::size_t size = 0;
    for (;;) { // headers that describe another one, then that one
      if (!fill(size + kTarBlock)) return false;
      const TarBlock block(unread().subspan(size));
      size += kTarBlock;
      if (block.is_zero()) return false;
      const char type = block.type();
      if (type != 'x' && type != 'X' && type != 'g' && type != 'L' && type != 'K' && type != 'V')
        break;
      size += round_to_block(block.size());
    }
    fill(size + kMaxSparseBlocks * kTarBlock); // of the old GNU dialect; else it is not looked at
    header = read_tar_header(unread(), limits_);
    skip(header.header_bytes + round_to_block(header.body_bytes));
    return true;
  }

 private:
  static constexpr std::size_t kMaxSparseBlocks = 64;

  // Makes the buffer hold `size` bytes, or all up to the next content. Nothing but headers is asked
  // for, and these lie in one piece.
  bool fill(std::size_t size) {
    while (unread().size() < size && !at_content_) {
      const RecordItem& item = reader_.next();
      if (item.kind == RecordKind::end) {
        ended_ = at_content_ = true;
      } else if (item.kind == RecordKind::raw) {
        raw_.erase(raw_.begin(), raw_.begin() + static_cast<std::ptrdiff_t>(read_));
        read_ = 0;
        raw_.insert(raw_.end(), item.raw.begin(), item.raw.end());
      } else {
        at_content_ = true;
        for (const RecordRegion& region : item.regions)
          content_bytes_ += region.length;
      }
    }
    return unread().size() >= size;
  }

  void skip(std::uint64_t count) {
    for (;;) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, unread().size()));
      read_ += part;
      count -= part;
      if (count == 0) return;
      if (at_content_ && !ended_) {
        if (content_bytes_ > count)
          throw Error(ErrorKind::corrupt, "the layer record and its headers do not agree");
        count -= content_bytes_;
        content_bytes_ = 0;
        at_content_ = false;
      }
      if (count > 0 && !fill(1) && ended_)
        throw Error(ErrorKind::corrupt, "the layer record ends inside an entry");
    }
  }

  std::span<const std::byte> unread() const { return std::span(raw_).subspan(read_); }

  FileRangeSource file_;
  RecordReader reader_;
  ImportLimits limits_ = limits_of_the_store();
  std::vector<std::byte> raw_;
  std::size_t read_ = 0;            // of `raw_`
  std::uint64_t content_bytes_ = 0; // of files, that come after `raw_`
  bool at_content_ = false;
  bool ended_ = false;
};

// Where an entry stands in the tree: a directory on its way may be a symlink of the same layer.
class Places {
 public:
  explicit Places(FdRef tree) : tree_(tree), top_(path_of(tree)) {}

  RelPath place(const RelPath& path) {
    if (path.is_top()) return path;
    const RelPath parent = path.parent();
    if (!last_ || last_->first != parent) last_.emplace(parent, real(parent));
    return last_->second.child(path.filename());
  }

 private:
  RelPath real(const RelPath& directory) const {
    try {
      open_beneath(tree_, directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
      return directory;
    } catch (const Error& error) {
      if (error.error_number() != ELOOP && error.error_number() != ENOTDIR &&
          error.error_number() != ENOENT)
        throw;
    }
    try {
      const UniqueFd fd = open_in_root(tree_, directory.str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      const std::string path = path_of(fd);
      if (path.starts_with(top_)) return RelPath::parse(path.substr(top_.size()));
    } catch (const Error&) {
      // Replaced by a later entry: then nothing stands there that is looked for.
    }
    return directory;
  }

  static std::string path_of(FdRef fd) {
    std::array<char, PATH_MAX> path{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
    const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
    if (size < 0) throw_errno(errno, "read " + link);
    return {path.data(), static_cast<std::size_t>(size)};
  }

  FdRef tree_;
  std::string top_;
  std::optional<std::pair<RelPath, RelPath>> last_;
};

bool may_be_unheld(const TarHeader& header) {
  return header.metadata.uid != 0 || header.metadata.gid != 0 || !header.metadata.xattrs.empty();
}

std::optional<Special> device_of(const TarHeader& header) {
  if (header.type == TarType::character_device)
    return Special{SpecialType::character_device, header.device_major, header.device_minor};
  if (header.type == TarType::block_device)
    return Special{SpecialType::block_device, header.device_major, header.device_minor};
  return std::nullopt;
}

} // namespace

TrueEntries TrueEntries::read(FdRef record, FdRef tree) {
  TrueEntries truth;
  std::vector<std::pair<RelPath, RelPath>> links; // path, target
  const ImportLimits limits = limits_of_the_store();
  Headers headers(record);
  Places places(tree);
  TarHeader header;
  while (headers.next(header)) {
    const TarName name = parse_tar_name(header.name, limits);
    if (name.kind != NameKind::entry) continue;
    const RelPath path = places.place(name.path);
    truth.entries_.erase(path); // the last entry of a name counts
    if (header.type == TarType::hardlink) {
      links.emplace_back(path, places.place(parse_link_target(header.link, limits)));
      continue;
    }
    const std::optional<Special> device = device_of(header);
    if (device || may_be_unheld(header)) truth.entries_[path] = {header.metadata, device};
  }
  // Further names of the same files; a name that another entry took since then is not among them.
  for (const auto& [path, target] : links)
    if (const Entry* entry = truth.find(target); entry != nullptr && truth.find(path) == nullptr)
      truth.entries_[path] = Entry(*entry);
  for (const auto& [path, entry] : truth.entries_)
    if (entry.device) truth.devices_[path.parent()].emplace_back(path.filename());
  return truth;
}

const TrueEntries::Entry* TrueEntries::find(const RelPath& path) const {
  const auto found = entries_.find(path);
  return found == entries_.end() ? nullptr : &found->second;
}

const std::vector<std::string>& TrueEntries::devices_in(const RelPath& path) const {
  static const std::vector<std::string> kNone;
  const auto found = devices_.find(path);
  return found == devices_.end() ? kNone : found->second;
}

} // namespace layerbox
