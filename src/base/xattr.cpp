#include "base/xattr.hpp"

#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

bool by_working_directory = false;

// A file of any type, relative to a directory descriptor and not followed: only /proc/self/fd does
// that on kernels before 6.13. "" names what is open itself: by its descriptor, or, where that is
// one of O_PATH, by the magic link alone.
struct Target {
  Target(FdRef dir, const char* file)
      : fd(dir.get()), path("/proc/self/fd/" + std::to_string(dir.get())) {
    follow = *file == '\0';
    name = file;
    if (follow) return;
    path = by_working_directory ? name : path + '/' + name;
    if (by_working_directory && ::fchdir(fd) != 0) throw_errno(errno, "enter a directory");
  }
  ssize_t list(char* out, std::size_t size) const {
    if (!follow) return ::llistxattr(path.c_str(), out, size);
    const ssize_t got = ::flistxattr(fd, out, size);
    return got < 0 && errno == EBADF ? ::listxattr(path.c_str(), out, size) : got;
  }
  ssize_t get(const char* key, char* out, std::size_t size) const {
    if (!follow) return ::lgetxattr(path.c_str(), key, out, size);
    const ssize_t got = ::fgetxattr(fd, key, out, size);
    return got < 0 && errno == EBADF ? ::getxattr(path.c_str(), key, out, size) : got;
  }
  int set(const char* key, std::string_view value) const {
    if (!follow) return ::lsetxattr(path.c_str(), key, value.data(), value.size(), 0);
    const int done = ::fsetxattr(fd, key, value.data(), value.size(), 0);
    return done < 0 && errno == EBADF ? ::setxattr(path.c_str(), key, value.data(), value.size(), 0)
                                      : done;
  }
  std::string shown() const { return *name == '\0' ? "a directory" : "'" + printable(name) + "'"; }

  int fd;
  std::string path;
  const char* name;
  bool follow;
};

// Calls `fetch` with growing room until all fits; the size may change between two calls.
template <typename Fetch> std::string fetch_all(Fetch&& fetch) {
  std::string room(256, '\0');
  for (;;) {
    ssize_t size = fetch(room.data(), room.size());
    if (size < 0 && errno == ERANGE) {
      size = fetch(nullptr, 0);
      if (size < 0) return {};
      room.resize(static_cast<std::size_t>(size) + 256);
      continue;
    }
    if (size < 0) return {};
    errno = 0;
    room.resize(static_cast<std::size_t>(size));
    return room;
  }
}

} // namespace

XattrMap read_xattrs(FdRef dir, const char* name) {
  const Target target(dir, name);
  XattrMap found;
  errno = 0;
  const std::string names =
      fetch_all([&](char* out, std::size_t size) { return target.list(out, size); });
  if (errno == EOPNOTSUPP) return found;
  if (errno != 0) throw_errno(errno, "list the extended attributes of " + target.shown());
  for (std::size_t at = 0; at < names.size(); at += std::strlen(names.c_str() + at) + 1) {
    const char* key = names.c_str() + at;
    errno = 0;
    std::string value =
        fetch_all([&](char* out, std::size_t size) { return target.get(key, out, size); });
    if (errno == ENODATA) continue; // went away since it was listed
    // The kernel lets anybody write one of no bytes, and then says this of it.
    if (errno == EINVAL && std::strcmp(key, "security.capability") == 0) continue;
    if (errno != 0)
      throw_errno(errno, "read the extended attribute " + printable(key) + " of " + target.shown());
    found.emplace(key, std::move(value));
  }
  return found;
}

void set_xattr(FdRef dir, const char* name, const std::string& key, std::string_view value) {
  const Target target(dir, name);
  if (target.set(key.c_str(), value) != 0)
    throw_errno(errno, "set the extended attribute " + printable(key) + " of " + target.shown());
}

void find_names_by_working_directory() {
  by_working_directory = true;
}

} // namespace layerbox
