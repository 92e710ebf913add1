#include "cli/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "cli/error_report.hpp"

namespace layerbox {
namespace {

constexpr mode_t kMode = 0666; // less the umask

bool is_standard_output(const std::optional<std::string>& path) {
  return !path || *path == "-";
}

// Where a symlink leads: it stays, and what it names is replaced.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : path;
}

} // namespace

OutputFile::OutputFile(const std::optional<std::string>& path, const std::string& what,
                       Progress& progress)
    : progress_(progress), shown_(is_standard_output(path) ? "standard output" : *path) {
  if (is_standard_output(path)) {
    if (::isatty(STDOUT_FILENO) == 1)
      throw UsageError("an archive is not written to a terminal", "give -o FILE, or redirect it");
  } else {
    with_context([&] { return "write '" + printable(*path) + "'"; },
                 [&] { open_file(resolved(*path)); });
  }
  progress_.begin(what, 0);
}

OutputFile::~OutputFile() {
  if (!temporary_name_.empty()) ::unlinkat(directory_.get(), temporary_name_.c_str(), 0);
}

void OutputFile::open_file(const std::string& path) {
  struct stat status {};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  if (is_there && S_ISDIR(status.st_mode)) throw_errno(EISDIR, "open it");
  if (is_there && !S_ISREG(status.st_mode)) {
    file_ = open_path(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return;
  }
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  name_ = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name_.empty()) throw_errno(EISDIR, "open it");
  directory_ = open_path(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  open_without_name(directory);
}

void OutputFile::open_without_name(const std::string& directory) {
  file_ = UniqueFd(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode));
  if (file_) return;
  // The file system, or a kernel before 3.11, which takes it for the opening of a directory.
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
    throw_errno(errno, "make the file");
  temporary_name_ = ".layerbox-" + random_token();
  file_ = UniqueFd(::openat(directory_.get(), temporary_name_.c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
  if (!file_) {
    const int why = errno;
    temporary_name_.clear();
    throw_errno(why, "make the file");
  }
}

void OutputFile::write(std::span<const std::byte> data) {
  write_all(file_ ? FdRef(file_) : FdRef(STDOUT_FILENO), data, shown_);
  done_bytes_ += data.size();
  progress_.advance(done_bytes_);
}

void OutputFile::commit() {
  progress_.end();
  if (name_.empty()) return;
  with_context([&] { return "write '" + printable(shown_) + "'"; },
               [&] {
                 fsync_fd(file_, name_);
                 if (temporary_name_.empty() && give_name(name_)) return;
                 // A file without a name can only be given one that is free.
                 if (temporary_name_.empty()) {
                   const std::string name = ".layerbox-" + random_token();
                   if (!give_name(name)) throw_errno(EEXIST, "name the file");
                   temporary_name_ = name;
                 }
                 rename_at(directory_, temporary_name_.c_str(), directory_, name_.c_str());
                 temporary_name_.clear();
               });
}

// False when the name is taken.
bool OutputFile::give_name(const std::string& name) const {
  const std::string link = "/proc/self/fd/" + std::to_string(file_.get());
  if (::linkat(AT_FDCWD, link.c_str(), directory_.get(), name.c_str(), AT_SYMLINK_FOLLOW) == 0)
    return true;
  if (errno != EEXIST) throw_errno(errno, "name the file");
  return false;
}

} // namespace layerbox
