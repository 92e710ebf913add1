#include "base/temp.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"

namespace layerbox {

std::string random_token() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::uint8_t bytes[16];
  // Up to 256 bytes come whole once the pool is ready (getrandom(2)).
  while (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    if (errno != EINTR) throw_errno(errno, "get random bytes");
  std::string token;
  for (const std::uint8_t byte : bytes) {
    token += kDigits[byte >> 4];
    token += kDigits[byte & 15];
  }
  return token;
}

namespace {

std::string temporary_root() {
  const char* named = std::getenv("TMPDIR");
  return named != nullptr && *named == '/' ? named : "/tmp";
}

std::string path_of(FdRef fd) {
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
  const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
  if (size < 0) throw_errno(errno, "read '" + link + "'");
  return {target, static_cast<std::size_t>(size)};
}

} // namespace

TempDir::TempDir(const std::string& prefix)
    : TempDir(open_path(temporary_root(), O_PATH | O_DIRECTORY), prefix) {}

TempDir::TempDir(FdRef parent, const std::string& prefix)
    : parent_(open_beneath(parent, RelPath(), O_PATH | O_DIRECTORY)),
      name_(prefix + random_token()), path_(path_of(parent_) + '/' + name_) {
  make_dir_at(parent_, name_.c_str(), 0700);
  dir_ = open_beneath(parent_, RelPath::parse(name_), O_RDONLY | O_DIRECTORY);
}

TempDir::~TempDir() {
  try {
    remove_tree(parent_, name_.c_str());
  } catch (const Error&) { // NOLINT(bugprone-empty-catch): a destructor abandons
  }
}

} // namespace layerbox
