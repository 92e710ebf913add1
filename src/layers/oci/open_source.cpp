#include "layers/oci/open_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/oci/docker_archive.hpp"
#include "layers/oci/look_at_source.hpp"
#include "layers/oci/oci_layout.hpp"
#include "layers/oci/peek_source.hpp"

namespace layerbox {
namespace {

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

// The same file, open for reading alone.
UniqueFd reopened(FdRef file) {
  return open_path("/proc/self/fd/" + std::to_string(file.get()), O_RDONLY);
}

std::function<SourceFile()> opener(const std::shared_ptr<UniqueFd>& fd, std::uint64_t size_bytes,
                                   const std::string& label) {
  return [fd, size_bytes, label] {
    return SourceFile{std::make_unique<FileRangeSource>(*fd, 0, size_bytes, label), size_bytes,
                      *fd};
  };
}

OpenedSource open_archive(OpenedSource opened, UniqueFd tar, SourceType type, ArchiveIndex index) {
  // The index is for reading the tar by offset; a rootfs, if it is one, needs it again.
  UniqueFd copy(::fcntl(tar.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) throw_errno(errno, opened.label);
  auto files = std::make_unique<TarFiles>(std::move(tar), opened.label, std::move(index));
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
  // What looked like an archive is read from where it lies now.
  const auto size = static_cast<std::uint64_t>(stat_fd(copy).st_size);
  opened.fd = std::make_shared<UniqueFd>(std::move(copy));
  opened.again = opener(opened.fd, size, opened.label);
  opened.tar = opened.again();
  return opened;
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
  UniqueFd spool;
  if (type != SourceType::rootfs) spool = nameless_file(staging);
  SourceQuestion question{type, opened.label, input, std::nullopt, spool};
  if (seekable) question.size_bytes = opened.stored_bytes;
  SourceAnswer answer = look_at_source(question, staging, limits, progress);
  if (answer.is_archive && answer.is_spooled) {
    opened.spooled_from_bytes = answer.stored_bytes;
    input = reopened(spool);
  }
  if (answer.is_archive)
    return open_archive(std::move(opened), std::move(input), type, std::move(answer.index));

  opened.fd = std::make_shared<UniqueFd>(std::move(input));
  if (seekable) {
    opened.again = opener(opened.fd, opened.stored_bytes, opened.label);
    opened.tar = opened.again();
  } else {
    auto rest = std::make_unique<FdSource>(*opened.fd, opened.label);
    opened.tar = {std::make_unique<PeekSource>(std::move(rest), std::move(answer.ahead)), 0,
                  *opened.fd};
  }
  return opened;
}

} // namespace layerbox
