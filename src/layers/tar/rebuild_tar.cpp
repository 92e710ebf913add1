#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tar/hashing_sink.hpp"
#include "layers/tar/layer_record.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kRebuiltBytes = std::size_t{256} << 10;

// A record from the start of its file, whatever the descriptor's offset.
class RecordFile : public Source {
 public:
  explicit RecordFile(FdRef fd) : fd_(fd) {}
  std::size_t read(std::span<std::byte> buffer) override {
    for (;;) {
      const ssize_t got =
          ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno(errno, "read the layer record");
      offset_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  }

 private:
  FdRef fd_;
  std::uint64_t offset_ = 0;
};

[[noreturn]] void changed(const RelPath& path, const std::string& why) {
  throw Error(ErrorKind::corrupt, "'" + printable(path.str()) + "' in the layer's tree " + why);
}

UniqueFd open_file(FdRef tree, const RecordItem& item) {
  auto fd = try_open_beneath(tree, item.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (!fd) changed(item.path, "is missing");
  const struct stat status = stat_fd(*fd);
  if (!S_ISREG(status.st_mode)) changed(item.path, "is no regular file");
  if (static_cast<std::uint64_t>(status.st_size) != item.size_bytes)
    changed(item.path, "has " + std::to_string(status.st_size) + " bytes, not " +
                           std::to_string(item.size_bytes));
  return std::move(*fd);
}

// Hands the content of one item to `out` (if any) and checks its digest.
void read_content(FdRef tree, const RecordItem& item, std::vector<std::byte>& buffer, Sink* out) {
  const UniqueFd fd = open_file(tree, item);
  Sha256 hash;
  for (const RecordRegion& region : item.regions) {
    FileRangeSource range(fd, region.offset, region.length, item.path.str());
    while (const std::size_t got = range.read(buffer)) {
      const auto bytes = std::span<const std::byte>(buffer).first(got);
      hash.update(bytes);
      if (out != nullptr) out->write(bytes);
    }
  }
  if (hash.finish() != item.digest) changed(item.path, "has another content than its record says");
}

} // namespace

RecordedHeaders::RecordedHeaders(FdRef record)
    : file_(std::make_unique<RecordFile>(record)), reader_(*file_) {}

RecordedHeaders::~RecordedHeaders() = default;

std::size_t RecordedHeaders::read(std::span<std::byte> buffer) {
  while (raw_.empty() && zeros_ == 0 && !ended_) {
    const RecordItem& item = reader_.next();
    raw_ = item.kind == RecordKind::raw ? item.raw : std::span<const std::byte>();
    for (const RecordRegion& region : item.regions)
      zeros_ += item.kind == RecordKind::content ? region.length : 0;
    ended_ = item.kind == RecordKind::end;
  }
  const std::size_t size =
      raw_.empty() ? static_cast<std::size_t>(std::min<std::uint64_t>(zeros_, buffer.size()))
                   : std::min(raw_.size(), buffer.size());
  if (raw_.empty()) {
    std::fill_n(buffer.begin(), size, std::byte{0});
    zeros_ -= size;
  } else {
    std::copy_n(raw_.begin(), size, buffer.begin());
    raw_ = raw_.subspan(size);
  }
  return size;
}

Digest rebuild_tar(FdRef record, FdRef tree, Sink& out) {
  RecordFile file(record);
  RecordReader reader(file);
  HashingSink sink(out);
  std::vector<std::byte> buffer(kRebuiltBytes);
  for (;;) {
    const RecordItem& item = reader.next();
    if (item.kind == RecordKind::raw) {
      sink.write(item.raw);
    } else if (item.kind == RecordKind::content) {
      read_content(tree, item, buffer, &sink);
    } else {
      const Digest made = sink.finish();
      if (made != item.digest || sink.size_bytes() != item.size_bytes)
        throw Error(ErrorKind::corrupt, "the tar made from the layer record is " + made.str() +
                                            ", not " + item.digest.str());
      return made;
    }
  }
}

std::vector<std::string> verify_tree(FdRef record, FdRef tree, std::size_t max_lines) {
  RecordFile file(record);
  RecordReader reader(file);
  std::vector<std::byte> buffer(kRebuiltBytes);
  std::vector<std::string> lines;
  for (;;) {
    const RecordItem& item = reader.next();
    if (item.kind == RecordKind::end) return lines;
    if (item.kind != RecordKind::content) continue;
    try {
      read_content(tree, item, buffer, nullptr);
    } catch (const Error& error) {
      if (is_shortage(error)) throw;
      if (lines.size() < max_lines) lines.emplace_back(error.what());
    }
  }
}

} // namespace layerbox
