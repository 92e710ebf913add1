#include "tests/layers/backend/tree_listing.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <utility>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/walk.hpp"
#include "base/xattr.hpp"

namespace layerbox::test {

namespace {

char type_letter(mode_t mode) {
  switch (mode & S_IFMT) {
  case S_IFDIR:
    return 'd';
  case S_IFREG:
    return '-';
  case S_IFLNK:
    return 'l';
  case S_IFIFO:
    return 'p';
  case S_IFCHR:
    return 'c';
  case S_IFBLK:
    return 'b';
  default:
    return '?';
  }
}

std::string content_digest(FdRef dir, const char* name) {
  const UniqueFd fd(::openat(dir.get(), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw_errno(errno, name);
  FdSource source(fd, name);
  Sha256 hash;
  std::vector<std::byte> buffer(1 << 16);
  while (const std::size_t n = source.read(buffer))
    hash.update(std::span(buffer).first(n));
  return hash.finish().hex();
}

std::string link_target(FdRef dir, const char* name) {
  std::string target(8192, '\0');
  const ssize_t size = ::readlinkat(dir.get(), name, target.data(), target.size());
  if (size < 0) throw_errno(errno, name);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

std::string attributes(FdRef dir, const char* name) {
  std::string text;
  for (const auto& [key, value] : read_xattrs(dir, name)) {
    text += fmt::format(" {}={}", key, sha256(value).hex().substr(0, 16));
  }
  return text;
}

std::string describe(FdRef dir, const char* name, const struct stat& s) {
  std::string line =
      fmt::format("{} {:04o} {}:{} {}.{:09}", type_letter(s.st_mode), s.st_mode & 07777, s.st_uid,
                  s.st_gid, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
  if (S_ISREG(s.st_mode)) {
    line += fmt::format(" {} bytes {}", s.st_size, content_digest(dir, name));
  }
  if (S_ISLNK(s.st_mode)) line += " -> " + link_target(dir, name);
  if (S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode)) {
    line += fmt::format(" device {}:{}", major(s.st_rdev), minor(s.st_rdev));
  }
  return line + attributes(dir, name);
}

// Names that a directory shows and that are not there: whiteouts that shine through.
void list_ghosts(FdRef dir, const RelPath& path, std::map<std::string, std::string>& listing) {
  for (const std::string& name : list_dir(dir))
    if (!try_stat_at(dir, name.c_str())) listing[path.child(name).str()] = "? not there";
}

} // namespace

std::map<std::string, std::string> list_tree(const std::string& top) {
  const UniqueFd dir = open_path(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::map<std::string, std::string> listing;
  std::map<std::pair<dev_t, ino_t>, std::string> groups;
  const struct stat top_status = stat_fd(dir);
  listing[""] = describe(dir, "", top_status);
  list_ghosts(dir, RelPath(), listing);
  walk(dir, [&](const WalkEntry& entry) {
    std::string line = describe(entry.dir, entry.name, entry.status);
    if (!S_ISDIR(entry.status.st_mode)) {
      const auto [first, is_new] =
          groups.try_emplace({entry.status.st_dev, entry.status.st_ino}, entry.path.str());
      if (!is_new) line += " same file as " + first->second;
    }
    listing[entry.path.str()] = line;
    if (S_ISDIR(entry.status.st_mode))
      list_ghosts(
          open_beneath(entry.dir, RelPath::parse(entry.name), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
          entry.path, listing);
    return WalkStep::into;
  });
  return listing;
}

std::string names_of(const std::map<std::string, std::string>& listing) {
  std::string names;
  for (const auto& [path, line] : listing) {
    if (path.empty()) continue;
    const char type = line.front();
    names += path;
    if (type == 'd') names += '/';
    if (type == 'l') names += '@';
    if (type == 'p') names += '|';
    if (type == 'c' || type == 'b') names += '%';
    names += '\n';
  }
  return names;
}

} // namespace layerbox::test
