#include "layers/oci/open_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/oci/archive_index.hpp"
#include "layers/oci/docker_archive.hpp"
#include "layers/oci/oci_layout.hpp"

namespace layerbox {
namespace {

// As far as the first member's header may be away: some extended headers of the largest size.
constexpr std::uint64_t kMaxDetectBytes = std::uint64_t{4} << 20;

[[noreturn]] void refuse(ErrorKind kind, const std::string& why, std::string hint = "") {
  Error error(kind, why);
  if (!hint.empty()) error.set_hint(std::move(hint));
  throw error;
}

UniqueFd open_input(const std::string& source) {
  if (source != "-") return open_path(source, O_RDONLY);
  if (::isatty(STDIN_FILENO) != 0)
    refuse(ErrorKind::invalid_argument, "standard input is a terminal",
           "redirect a file or a pipe to it");
  const int fd = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  if (fd < 0) throw_errno(errno, "standard input");
  return UniqueFd(fd);
}

bool is_file_from_its_start(FdRef fd, const struct stat& status) {
  return S_ISREG(status.st_mode) && ::lseek(fd.get(), 0, SEEK_CUR) == 0;
}

// Docker from 25 on writes a manifest.json into its OCI layout, for those who do not read those:
// it has the tags as docker knows them.
SourceType type_of(const SourceFiles& files) {
  if (is_docker_archive(files)) return SourceType::docker_archive;
  if (is_oci_layout(files)) return SourceType::oci;
  return SourceType::rootfs;
}

void require_type(const SourceFiles& files, SourceType type) {
  if (type == SourceType::docker_archive && !is_docker_archive(files))
    refuse(ErrorKind::corrupt, "it is no docker-archive: manifest.json is missing");
  if (type == SourceType::oci && !is_oci_layout(files))
    refuse(ErrorKind::corrupt, "it is no OCI layout: index.json is missing");
}

OpenedSource open_directory(OpenedSource opened, UniqueFd dir, SourceType type) {
  if (type == SourceType::rootfs)
    refuse(ErrorKind::invalid_argument, "it is a directory, and a rootfs must come as a tar",
           "tar -C DIR -c . | layerbox pull-tar - --name NAME");
  opened.files = std::make_unique<DirectoryFiles>(std::move(dir));
  opened.type = type == SourceType::automatic ? type_of(*opened.files) : type;
  if (opened.type == SourceType::rootfs)
    refuse(ErrorKind::corrupt, "it is a directory, but no OCI layout: index.json is missing");
  require_type(*opened.files, opened.type);
  return opened;
}

ByteReader peek_reader(PeekSource& source) {
  return [&source](std::uint64_t offset, std::span<std::byte> buffer) {
    if (offset > kMaxDetectBytes || buffer.size() > kMaxDetectBytes) return std::size_t{0};
    const auto ahead = source.peek(static_cast<std::size_t>(offset) + buffer.size());
    if (ahead.size() <= offset) return std::size_t{0};
    const auto part = ahead.subspan(static_cast<std::size_t>(offset));
    std::memcpy(buffer.data(), part.data(), part.size());
    return part.size();
  };
}

bool looks_like_archive(PeekSource& tar, const ImportLimits& limits) {
  const auto first = first_member(peek_reader(tar), limits);
  return first && may_begin_image_archive(*first);
}

UniqueFd nameless_file(FdRef dir) {
  const int fd = ::openat(dir.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return UniqueFd(fd);
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
    throw_errno(errno, "make a file in the staging directory");
  // File systems without O_TMPFILE (open(2)).
  UniqueFd named = open_beneath(dir, RelPath::parse("spool"), O_RDWR | O_CREAT | O_EXCL, 0600);
  unlink_at(dir, "spool");
  return named;
}

UniqueFd spool(PlainStream& plain, const OpenedSource& opened, FdRef staging,
               const ImportLimits& limits, Progress& progress) {
  UniqueFd file = nameless_file(staging);
  std::vector<std::byte> buffer(std::size_t{1} << 18);
  std::uint64_t size = 0;
  progress.begin("reading " + opened.label, opened.stored_bytes);
  while (const std::size_t got = plain.source->read(buffer)) {
    size += got;
    if (size > limits.max_bytes)
      refuse(ErrorKind::limit_exceeded,
             "the archive is larger than the limit of " + std::to_string(limits.max_bytes) +
                 " bytes",
             "--max-bytes raises this limit");
    write_all(file, std::span(buffer).first(got), "spool");
    progress.advance(*plain.stored_bytes);
  }
  progress.end();
  return file;
}

// The rootfs that looked like an archive: read from where it lies now.
OpenedSource rootfs_of(OpenedSource opened, UniqueFd tar, const ImportLimits& limits) {
  const auto size = static_cast<std::uint64_t>(stat_fd(tar).st_size);
  opened.fd = std::make_shared<UniqueFd>(std::move(tar));
  opened.again = [fd = opened.fd, size, label = opened.label]() -> std::unique_ptr<Source> {
    return std::make_unique<FileRangeSource>(*fd, 0, size, label);
  };
  opened.tar = open_plain(opened.again(), limits);
  return opened;
}

OpenedSource open_archive(OpenedSource opened, UniqueFd tar, SourceType type,
                          const ImportLimits& limits) {
  // The index reads the tar by offset; a rootfs, if it is one, needs it again.
  UniqueFd copy(::fcntl(tar.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) throw_errno(errno, opened.label);
  auto files = std::make_unique<TarFiles>(std::move(tar), opened.label, limits);
  opened.type = type == SourceType::automatic ? type_of(*files) : type;
  require_type(*files, opened.type);
  if (opened.type != SourceType::rootfs) {
    opened.files = std::move(files);
    return opened;
  }
  if (files->has_image_parts())
    refuse(ErrorKind::corrupt,
           "it has parts of an image, but neither manifest.json (docker-archive) nor index.json "
           "(OCI layout): it was cut short, or made in another way",
           "--type rootfs imports its members as files");
  return rootfs_of(std::move(opened), std::move(copy), limits);
}

} // namespace

OpenedSource open_source(const std::string& source, SourceType type, FdRef staging,
                         const ImportLimits& limits, Progress& progress) {
  OpenedSource opened;
  opened.label = source == "-" ? "standard input" : printable(source);
  UniqueFd input = open_input(source);
  const struct stat status = stat_fd(input);
  if (S_ISDIR(status.st_mode)) return open_directory(std::move(opened), std::move(input), type);

  const bool seekable = is_file_from_its_start(input, status);
  if (seekable) opened.stored_bytes = static_cast<std::uint64_t>(status.st_size);
  opened.fd = std::make_shared<UniqueFd>(std::move(input));
  if (seekable)
    opened.again = [fd = opened.fd, size = opened.stored_bytes,
                    label = opened.label]() -> std::unique_ptr<Source> {
      return std::make_unique<FileRangeSource>(*fd, 0, size, label);
    };
  PlainStream plain = open_plain(
      seekable ? opened.again() : std::make_unique<FdSource>(*opened.fd, opened.label), limits);
  if (plain.source->peek(1).empty()) refuse(ErrorKind::corrupt, "it is empty");

  const bool archive = type == SourceType::automatic ? looks_like_archive(*plain.source, limits)
                                                     : type != SourceType::rootfs;
  if (!archive) {
    opened.tar = std::move(plain);
    return opened;
  }
  if (seekable && plain.compression == Compression::none) {
    UniqueFd file = std::move(*opened.fd);
    return open_archive(std::move(opened), std::move(file), type, limits);
  }
  UniqueFd file = spool(plain, opened, staging, limits, progress);
  opened.spooled_from_bytes = *plain.stored_bytes;
  return open_archive(std::move(opened), std::move(file), type, limits);
}

} // namespace layerbox
