#include "layers/oci/source_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/oci/checked_source.hpp"

namespace layerbox {
namespace {

// A file that is read to its end, and closed with the source.
class OwnedFile : public Source {
 public:
  OwnedFile(UniqueFd fd, std::string name) : fd_(std::move(fd)), source_(fd_, std::move(name)) {}
  std::size_t read(std::span<std::byte> buffer) override { return source_.read(buffer); }

 private:
  UniqueFd fd_;
  FdSource source_;
};

std::string read_limited(SourceFile& file, const std::string& name, std::uint64_t max_bytes) {
  if (file.size_bytes > max_bytes)
    throw Error(ErrorKind::limit_exceeded,
                "'" + printable(name) + "' has " + std::to_string(file.size_bytes) +
                    " bytes, more than the limit for a document of " + std::to_string(max_bytes))
        .set_hint("--max-document-bytes raises this limit");
  return read_all(*file.content, max_bytes, name);
}

SourceFile open_needed(const SourceFiles& files, const RelPath& name) {
  auto file = files.open(name);
  if (!file) throw Error(ErrorKind::corrupt, "'" + printable(name.str()) + "' is missing");
  return std::move(*file);
}

} // namespace

std::optional<SourceFile> DirectoryFiles::open(const RelPath& name) const {
  auto fd = try_open_beneath(dir_, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!fd) return std::nullopt;
  const struct stat status = stat_fd(*fd);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::corrupt, "'" + printable(name.str()) + "' is not a regular file");
  const FdRef ref = *fd;
  return SourceFile{std::make_unique<OwnedFile>(std::move(*fd), name.str()),
                    static_cast<std::uint64_t>(status.st_size), ref};
}

std::optional<SourceFile> TarFiles::open(const RelPath& name) const {
  const auto place = index_.find(name);
  if (!place) return std::nullopt;
  return SourceFile{
      std::make_unique<FileRangeSource>(tar_, place->offset, place->size_bytes, name_),
      place->size_bytes, tar_};
}

ByteReader pread_reader(FdRef fd, std::string name) {
  return [fd, name = std::move(name)](std::uint64_t offset, std::span<std::byte> buffer) {
    std::size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t got = ::pread(fd.get(), buffer.data() + done, buffer.size() - done,
                                  static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno(errno, "read '" + printable(name) + "'");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  };
}

std::string read_document(const SourceFiles& files, const RelPath& name, std::uint64_t max_bytes) {
  SourceFile file = open_needed(files, name);
  return read_limited(file, name.str(), max_bytes);
}

std::string read_document_blob(const SourceFiles& files, const Digest& digest,
                               std::uint64_t size_bytes, std::uint64_t max_bytes) {
  const RelPath name = blob_path(digest);
  SourceFile file = open_needed(files, name);
  file.content = std::make_unique<VerifyingSource>(std::move(file.content), digest, size_bytes);
  return read_limited(file, name.str(), max_bytes);
}

RelPath blob_path(const Digest& digest) {
  return RelPath::parse("blobs/sha256/" + digest.hex());
}

} // namespace layerbox
