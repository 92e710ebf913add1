#include "base/temp.hpp"

#include <fcntl.h>
#include <sys/random.h>

#include <cerrno>
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

TempDir::TempDir(const std::string& prefix) {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base == '/' ? base : "/tmp") + '/' + prefix + random_token();
  make_dir_at(FdRef(AT_FDCWD), path_.c_str(), 0700);
  dir_ = open_path(path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

TempDir::~TempDir() {
  try {
    remove_tree(FdRef(AT_FDCWD), path_.c_str());
  } catch (const Error&) { // NOLINT(bugprone-empty-catch): a destructor abandons
  }
}

} // namespace layerbox
