#include "tests/layers/backend/layer_builder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"

namespace layerbox::test {

namespace {

void check(int result, const std::string& what) {
  if (result < 0) throw_errno(errno, what);
}

} // namespace

LayerBuilder::LayerBuilder(std::string tree) : tree_(std::move(tree)) {
  check(::mkdir(tree_.c_str(), 0755), tree_);
  directories_.emplace_back("", Attr{});
}

LayerBuilder& LayerBuilder::top(const Attr& attr) {
  directories_.emplace_back("", attr);
  return *this;
}

void LayerBuilder::parents(const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (::mkdir(at(parent).c_str(), 0755) == 0) directories_.emplace_back(parent, Attr{});
  }
}

void LayerBuilder::dress(const std::string& path, const Attr& attr, mode_t default_mode) {
  const std::string name = at(path);
  struct stat status {};
  check(::lstat(name.c_str(), &status), name);
  const uid_t uid = ::geteuid() == 0 ? attr.uid : status.st_uid;
  const gid_t gid = ::geteuid() == 0 ? attr.gid : status.st_gid;
  check(::lchown(name.c_str(), uid, gid), name);
  if (!S_ISLNK(status.st_mode)) {
    check(::chmod(name.c_str(), attr.mode.value_or(default_mode)), name);
  }
  for (const auto& [key, value] : attr.xattrs) {
    check(::lsetxattr(name.c_str(), key.c_str(), value.data(), value.size(), 0), name + " " + key);
  }
  const timespec times[2] = {attr.mtime, attr.mtime};
  check(::utimensat(AT_FDCWD, name.c_str(), times, AT_SYMLINK_NOFOLLOW), name);
}

LayerBuilder& LayerBuilder::dir(const std::string& path, const Attr& attr) {
  parents(path);
  if (::mkdir(at(path).c_str(), 0755) != 0 && errno != EEXIST) throw_errno(errno, path);
  directories_.emplace_back(path, attr);
  return *this;
}

LayerBuilder& LayerBuilder::file(const std::string& path, const std::string& content,
                                 const Attr& attr) {
  parents(path);
  const int fd = ::open(at(path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  check(fd, path);
  const ssize_t written = ::write(fd, content.data(), content.size());
  ::close(fd);
  if (written != static_cast<ssize_t>(content.size())) throw_errno(EIO, path);
  dress(path, attr, 0644);
  return *this;
}

LayerBuilder& LayerBuilder::sparse(const std::string& path, off_t size, off_t offset,
                                   const std::string& content) {
  parents(path);
  const int fd = ::open(at(path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  check(fd, path);
  const ssize_t written = ::pwrite(fd, content.data(), content.size(), offset);
  const int sized = ::ftruncate(fd, size);
  ::close(fd);
  if (sized != 0 || written != static_cast<ssize_t>(content.size())) throw_errno(EIO, path);
  dress(path, {}, 0644);
  return *this;
}

LayerBuilder& LayerBuilder::hardlink(const std::string& path, const std::string& target) {
  parents(path);
  check(::linkat(AT_FDCWD, at(target).c_str(), AT_FDCWD, at(path).c_str(), 0), path);
  return *this;
}

LayerBuilder& LayerBuilder::symlink(const std::string& path, const std::string& target,
                                    const Attr& attr) {
  parents(path);
  check(::symlink(target.c_str(), at(path).c_str()), path);
  dress(path, attr, 0777);
  return *this;
}

LayerBuilder& LayerBuilder::fifo(const std::string& path, const Attr& attr) {
  parents(path);
  check(::mkfifo(at(path).c_str(), 0600), path);
  dress(path, attr, 0644);
  return *this;
}

LayerBuilder& LayerBuilder::device(const std::string& path, mode_t type, unsigned major,
                                   unsigned minor, const Attr& attr) {
  parents(path);
  check(::mknod(at(path).c_str(), type | 0600, makedev(major, minor)), path);
  dress(path, attr, 0600);
  return *this;
}

// The directory is marked too ("may hold whiteouts", an origin that nobody knows): overlayfs lists
// the whiteouts of a directory that has nothing below it as names, unless it finds this mark.
LayerBuilder& LayerBuilder::whiteout(const std::string& path) {
  parents(path);
  check(::mknod(at(path).c_str(), S_IFCHR, makedev(0, 0)), path);
  const std::size_t slash = path.rfind('/');
  const std::string parent = at(slash == std::string::npos ? "" : path.substr(0, slash));
  check(::setxattr(parent.c_str(), "user.overlay.origin", "", 0, 0), parent);
  return *this;
}

LayerBuilder& LayerBuilder::opaque(const std::string& path) {
  if (!path.empty()) dir(path);
  check(::setxattr(at(path).c_str(), "user.overlay.opaque", "y", 1, 0), path);
  return *this;
}

void LayerBuilder::finish() {
  for (auto d = directories_.rbegin(); d != directories_.rend(); ++d) {
    // A directory that is named twice keeps its last word.
    bool is_last_word = true;
    for (auto later = directories_.rbegin(); later != d; ++later) {
      if (later->first == d->first) is_last_word = false;
    }
    if (is_last_word) dress(d->first, d->second, 0755);
  }
}

} // namespace layerbox::test
