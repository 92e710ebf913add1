#include "layers/tar/unpack_layer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tar/forward_links.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tar/replaced_files.hpp"
#include "layers/tar/tar_reader.hpp"
#include "layers/tar/tar_rules.hpp"
#include "layers/tree/dir_writer.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxSymlinkTarget = 4095; // PATH_MAX without the NUL
constexpr std::size_t kShownName = 300;

UniqueFd create_file(FdRef dir, const char* name) {
  return open_beneath(dir, RelPath::parse(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

// Collects small writes of the record into larger ones.
class BufferedSink : public Sink {
 public:
  BufferedSink(FdRef fd, std::string name) : sink_(fd, std::move(name)) {}
  void write(std::span<const std::byte> data) override {
    buffer_.insert(buffer_.end(), data.begin(), data.end());
    if (buffer_.size() >= kFull) flush();
  }
  void flush() {
    sink_.write(buffer_);
    buffer_.clear();
  }

 private:
  static constexpr std::size_t kFull = std::size_t{256} << 10;
  FdSink sink_;
  std::vector<std::byte> buffer_;
};

class NoContent : public FileContent {
 public:
  Region next() override { return {}; }
};

std::string shown(const TarEntry& entry) {
  const std::string& name = entry.header.name;
  return "entry '" + printable(name.substr(0, kShownName)) +
         (name.size() > kShownName ? "…'" : "'");
}

// One layer while it is being unpacked.
class Unpacking {
 public:
  // Without a record, the files' content is left out.
  Unpacking(Source& source, FdRef layer, FdRef tree, RecordWriter* record,
            const ImportLimits& limits, const Identity& who, const TarReader::Progress& progress)
      : limits_(limits), record_(record), replaced_(layer),
        writer_(tree, who, writer_options(limits)),
        reader_(source, record, limits, progress,
                record == nullptr ? BlockPipe::Reading::when_asked
                                  : BlockPipe::Reading::ahead_and_hashed) {}

  void run();
  UnpackedLayer result();
  ReplacedFiles& replaced() { return replaced_; }

 private:
  DirWriter::Options writer_options(const ImportLimits& limits);
  void unpack_whole(const TarEntry& entry);
  void unpack(const TarEntry& entry);
  void unpack_named(const TarEntry& entry, const RelPath& path);
  void unpack_file(const TarEntry& entry, const RelPath& path);
  void unpack_link(const TarHeader& header, const RelPath& path);
  void unpack_symlink(const TarHeader& header, const RelPath& path);

  const ImportLimits& limits_;
  RecordWriter* record_;
  ReplacedFiles replaced_;
  DirWriter writer_;
  TarReader reader_;
  ForwardLinks links_;
  Unheld dropped_;
  std::uint64_t entries_ = 0;
  std::uint64_t unpacked_bytes_ = 0;
};

DirWriter::Options Unpacking::writer_options(const ImportLimits& limits) {
  DirWriter::Options options;
  // Whatever stands in the archive, and as many directories on the way to it.
  options.max_nodes = 2 * limits.max_entries + limits.max_depth;
  if (record_ == nullptr) return options;
  options.take_replaced = [this](FdRef dir, const char* name, const RelPath& path,
                                 const struct stat& status) {
    replaced_.take(dir, name, path, status, record_->contents());
  };
  return options;
}

void Unpacking::run() {
  while (const TarEntry* entry = reader_.next()) {
    if (++entries_ > limits_.max_entries)
      throw Error(ErrorKind::limit_exceeded,
                  fmt::format("more than {} entries (--max-entries)", limits_.max_entries))
          .set_hint("--max-entries raises the limit");
    with_context([entry] { return shown(*entry); }, [&] { unpack_whole(*entry); });
  }
  links_.make(writer_);
  writer_.finish();
}

void Unpacking::unpack_whole(const TarEntry& entry) {
  try {
    unpack(entry);
    reader_.finish_entry();
  } catch (const Error& error) {
    // What a path refuses here is the archive's fault and no caller's.
    if (error.kind() != ErrorKind::invalid_argument) throw;
    throw Error(ErrorKind::corrupt, error.what());
  }
}

void Unpacking::unpack(const TarEntry& entry) {
  dropped_.overlay_xattrs += entry.header.dropped.overlay_xattrs;
  dropped_.acls += entry.header.dropped.acls;
  const TarName name = parse_tar_name(entry.header.name, limits_);
  switch (name.kind) {
  case NameKind::entry:
    return unpack_named(entry, name.path);
  case NameKind::whiteout:
    return writer_.whiteout(name.path);
  case NameKind::opaque:
    return writer_.opaque(name.path);
  case NameKind::skipped:
    return;
  }
}

void Unpacking::unpack_named(const TarEntry& entry, const RelPath& path) {
  const TarHeader& header = entry.header;
  if (path.is_top() && header.type != TarType::directory)
    throw Error(ErrorKind::corrupt, "the top of the tree must be a directory");
  const Special device{header.type == TarType::block_device ? SpecialType::block_device
                                                            : SpecialType::character_device,
                       header.device_major, header.device_minor};
  switch (header.type) {
  case TarType::file:
    return unpack_file(entry, path);
  case TarType::hardlink:
    return unpack_link(header, path);
  case TarType::symlink:
    return unpack_symlink(header, path);
  case TarType::directory:
    return writer_.directory(path, header.metadata);
  case TarType::fifo:
    return writer_.special(path, header.metadata, {SpecialType::fifo, 0, 0});
  case TarType::character_device:
  case TarType::block_device:
    return writer_.special(path, header.metadata, device);
  case TarType::socket:
    ++dropped_.sockets;
    return;
  }
}

void Unpacking::unpack_file(const TarEntry& entry, const RelPath& path) {
  if (entry.size_bytes > limits_.max_bytes - unpacked_bytes_)
    throw Error(
        ErrorKind::limit_exceeded,
        fmt::format("the layer unpacks to more than {} bytes (--max-bytes)", limits_.max_bytes))
        .set_hint("--max-bytes raises the limit");
  unpacked_bytes_ += entry.size_bytes;
  const RelPath place = writer_.place(path);
  NoContent nothing;
  writer_.file(place, entry.header.metadata, entry.size_bytes,
               record_ != nullptr ? reader_.content(place) : nothing);
}

void Unpacking::unpack_link(const TarHeader& header, const RelPath& path) {
  const RelPath target = parse_link_target(header.link, limits_);
  if (target.is_top()) throw Error(ErrorKind::corrupt, "a hard link to the top of the tree");
  if (writer_.try_hardlink(path, target)) return;
  writer_.clear(path); // the last entry of a name wins; only later ones may take it back
  links_.hold(writer_.place(path), target);
}

void Unpacking::unpack_symlink(const TarHeader& header, const RelPath& path) {
  if (header.link.empty()) throw Error(ErrorKind::corrupt, "a symlink without a target");
  if (header.link.size() > kMaxSymlinkTarget)
    throw Error(ErrorKind::corrupt, "a symlink whose target passes 4095 bytes");
  writer_.symlink(path, header.metadata, header.link);
}

UnpackedLayer Unpacking::result() {
  UnpackedLayer layer;
  layer.diff_id = reader_.diff_id();
  layer.end_marked = reader_.end_marked();
  layer.tar_bytes = reader_.tar_bytes();
  layer.size_bytes = writer_.size_bytes();
  layer.entries = entries_;
  layer.implied = writer_.implied();
  layer.unheld = writer_.unheld();
  layer.unheld.overlay_xattrs += dropped_.overlay_xattrs;
  layer.unheld.acls += dropped_.acls;
  layer.unheld.sockets += dropped_.sockets;
  layer.warnings = warnings_of(layer.unheld);
  return layer;
}

// Puts the content of files that went away into the record itself.
void settle_record(FdRef layer, FdRef record, ReplacedFiles& replaced) {
  constexpr const char* kNew = "record.new";
  const UniqueFd fresh = create_file(layer, kNew);
  BufferedSink sink(fresh, kNew);
  RecordWriter writer(sink);
  struct stat status = stat_fd(record);
  FileRangeSource old(record, 0, static_cast<std::uint64_t>(status.st_size), layout::kRecord);
  RecordReader reader(old);
  replaced.settle(reader, writer);
  sink.flush();
  rename_at(layer, kNew, layer, layout::kRecord);
  replaced.remove();
}

} // namespace

UnpackedLayer unpack_layer(Source& source, FdRef layer, const ImportLimits& limits,
                           const Identity& who,
                           const std::function<void(std::uint64_t)>& progress) {
  make_dir_at(layer, layout::kTree, 0755);
  const UniqueFd tree = open_beneath(layer, RelPath::parse(layout::kTree), O_RDONLY | O_DIRECTORY);
  const UniqueFd record_file = create_file(layer, layout::kRecord);
  BufferedSink sink(record_file, layout::kRecord);
  RecordWriter record(sink);

  Unpacking unpacking(source, layer, tree, &record, limits, who, progress);
  unpacking.run();
  UnpackedLayer result = unpacking.result();
  record.finish(result.diff_id, result.tar_bytes);
  sink.flush();
  if (unpacking.replaced().any()) settle_record(layer, record_file, unpacking.replaced());
  return result;
}

UnpackedLayer unpack_skeleton(Source& source, FdRef tree, const Identity& who) {
  const ImportLimits limits = limits_of_the_store();
  Unpacking unpacking(source, tree, tree, nullptr, limits, who, nullptr);
  unpacking.run();
  return unpacking.result();
}

} // namespace layerbox
