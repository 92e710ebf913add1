// Names inside the new root, made where they are missing. A name is resolved once, to a descriptor;
// what happens with it afterwards happens to the descriptor.
#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

constexpr unsigned kDirectoryMode = 0755;
constexpr unsigned kFileMode = 0644;

int open_directory(int root, const char* name, std::uint64_t resolve) noexcept {
  return open_how(root, name[0] == '\0' ? "." : name, O_PATH | O_DIRECTORY, resolve);
}

// The directory `prefix`, made in `parent` under its last component when it is not there.
int step_into(int root, int parent, const char* prefix, const char* last,
              std::uint64_t resolve) noexcept {
  const int found = open_directory(root, prefix, resolve);
  if (found != -ENOENT) return found;
  const int made = call(SYS_mkdirat, parent, last, kDirectoryMode);
  // EEXIST: somebody else has made it just now, as containers on one rootfs do; or it is a symlink
  // that leads nowhere, and is not followed into making things elsewhere.
  if (made < 0 && made != -EEXIST) return made;
  return open_directory(root, prefix, resolve);
}

} // namespace

int make_directories(int root, const char* name, std::uint64_t resolve) noexcept {
  const int found = open_directory(root, name, resolve);
  if (found != -ENOENT) return found;

  char prefix[kPathBytes];
  const std::size_t length = std::strlen(name);
  if (length >= sizeof prefix) return -ENAMETOOLONG;
  std::memcpy(prefix, name, length + 1);

  int parent = open_directory(root, "", resolve);
  std::size_t begin = 0;
  while (parent >= 0 && begin < length) {
    std::size_t end = begin;
    while (end < length && prefix[end] != '/')
      ++end;
    prefix[end] = '\0';
    const int next = step_into(root, parent, prefix, prefix + begin, resolve);
    close_fd(parent);
    parent = next;
    if (end < length) prefix[end] = '/';
    begin = end + 1;
  }
  return parent;
}

int make_file(int root, const char* name, std::uint64_t resolve) noexcept {
  const int found = open_how(root, name, O_PATH, resolve);
  if (found != -ENOENT) return found;

  char parent[kPathBytes];
  std::size_t slash = std::strlen(name);
  if (slash >= sizeof parent) return -ENAMETOOLONG;
  std::memcpy(parent, name, slash + 1);
  while (slash > 0 && parent[slash] != '/')
    --slash;
  parent[slash] = '\0';
  const int directory = make_directories(root, parent, resolve);
  if (directory < 0) return directory;
  close_fd(directory);

  // By its whole name: a symlink at the end is followed inside the root. O_NONBLOCK: should a fifo
  // stand there by now, it is not waited for.
  // What was opened is the target: the name is not resolved again.
  return open_how(root, name, O_CREAT | O_WRONLY | O_NONBLOCK | O_NOCTTY, resolve, kFileMode);
}

} // namespace layerbox::child
