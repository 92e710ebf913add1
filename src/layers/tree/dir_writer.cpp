#include "layers/tree/dir_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/xattr.hpp"
#include "layers/tree/overlay_dialect.hpp"

namespace layerbox {
namespace {

constexpr mode_t kPermissions = 0777; // what open(2) and mkdir(2) can set; the rest is chmod's

[[noreturn]] void fail(const char* what, const RelPath& path) {
  const int error_number = errno;
  throw_errno(error_number, std::string(what) + " '" + printable(path.str()) + "'");
}

void write_at(FdRef fd, std::span<const std::byte> data, std::uint64_t offset,
              const RelPath& path) {
  while (!data.empty()) {
    const ssize_t put = ::pwrite(fd.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("write", path);
    data = data.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

// Attributes that an earlier entry gave a directory and a later one does not; ours stay.
void remove_other_xattrs(FdRef dir, const XattrMap& wanted) {
  for (const auto& [key, value] : read_xattrs(dir, "")) {
    if (is_overlay_xattr(key) || wanted.contains(key)) continue;
    // What the kernel or a security module put there itself may refuse to go, and may stay.
    (void)::fremovexattr(dir.get(), key.c_str());
  }
}

} // namespace

DirWriter::DirWriter(FdRef top, const Identity& who, Options options)
    : options_(std::move(options)), cache_(top), metadata_(who) {
  OpenDir& dir = open_dir(RelPath());
  remove_acls(dir.fd, dir.path);
  metadata_.dress_plain(dir.fd, dir.path, 0755);
  dir.mode = 0755;
  dir.mtime = TimeStamp{};
  dir.touched = true;
  implied_.insert("");
}

void DirWriter::directory(const RelPath& path, const Metadata& metadata) {
  if (path.is_top()) {
    OpenDir& top = open_dir(path);
    remove_other_xattrs(top.fd, metadata.xattrs);
    set_directory(top, metadata);
    implied_.erase("");
    return;
  }
  const Node at = parent_of(path);
  const RelPath place = at.dir->path.child(at.name);
  if (OpenDir* there = cache_.find(place)) {
    remove_other_xattrs(there->fd, metadata.xattrs);
    set_directory(*there, metadata);
  } else {
    const Was was = make_way(place, at);
    OpenDir& made = make_directory(place, metadata.mode);
    set_directory(made, metadata);
    if (was == Was::whiteout) set_opaque(made.fd, place);
  }
  implied_.erase(place.str());
}

void DirWriter::set_directory(OpenDir& dir, const Metadata& metadata) {
  Metadata for_now = metadata;
  for_now.mode |= kOwnerAll;
  metadata_.dress(dir.fd, dir.path, for_now, MetadataWriter::Times::later);
  dir.mode = metadata.mode;
  dir.mode_waits = for_now.mode != metadata.mode;
  dir.mtime = metadata.mtime;
  dir.touched = true;
  if (metadata.xattrs.contains(kDefaultAclXattr)) metadata_.expect_inherited_acls();
}

void DirWriter::file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
                     FileContent& content) {
  const UniqueFd fd = create_file(path, parent_of(path), metadata.mode);
  std::uint64_t end = 0;
  for (auto region = content.next(); !region.data.empty(); region = content.next()) {
    write_at(fd, region.data, region.offset, path);
    end = region.offset + region.data.size();
  }
  if (end != size_bytes && ::ftruncate(fd.get(), static_cast<off_t>(size_bytes)) != 0)
    fail("set size of", path);
  metadata_.dress(fd, path, metadata, MetadataWriter::Times::set);
  size_bytes_ += size_bytes;
}

UniqueFd DirWriter::create_file(const RelPath& path, const Node& at, mode_t mode) {
  count_node();
  for (;;) {
    UniqueFd fd(::openat(at.dir->fd.get(), at.name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         mode & kPermissions));
    if (fd) {
      at.dir->touched = true;
      return fd;
    }
    if (errno != EEXIST) fail("create", path);
    make_way(at.dir->path.child(at.name), at);
  }
}

void DirWriter::symlink(const RelPath& path, const Metadata& metadata, const std::string& target) {
  const Node at = parent_of(path);
  make_way(at.dir->path.child(at.name), at);
  count_node();
  if (::symlinkat(target.c_str(), at.dir->fd.get(), at.name.c_str()) != 0)
    fail("create symlink", path);
  at.dir->touched = true;
  metadata_.dress_at(at.dir->fd, at.name.c_str(), path, metadata);
}

void DirWriter::special(const RelPath& path, const Metadata& metadata, const Special& special) {
  const bool device = special.type != SpecialType::fifo;
  if (special.type == SpecialType::character_device && special.major == 0 && special.minor == 0)
    throw Error(ErrorKind::corrupt, "'" + printable(path.str()) +
                                        "' is a character device 0:0, which means a whiteout");
  const Node at = parent_of(path);
  make_way(at.dir->path.child(at.name), at);
  count_node();
  const mode_t type = special.type == SpecialType::fifo               ? S_IFIFO
                      : special.type == SpecialType::character_device ? S_IFCHR
                                                                      : S_IFBLK;
  at.dir->touched = true;
  if (::mknodat(at.dir->fd.get(), at.name.c_str(), type | (metadata.mode & kPermissions),
                ::makedev(special.major, special.minor)) == 0) {
    metadata_.dress_at(at.dir->fd, at.name.c_str(), path, metadata);
    return;
  }
  if (!device || errno != EPERM) fail("create special file", path);
  // Not ours to make. It still hides what is below, and a link to it is no error.
  ++metadata_.unheld().devices;
  make_whiteout(*at.dir, at.name, path);
}

void DirWriter::whiteout(const RelPath& path) {
  const auto parent = resolve(path.parent(), OnMissing::make, OnFile::stop);
  if (!parent) return; // something of this tree hides it already
  const RelPath place = parent->child(path.filename());
  if (OpenDir* there = cache_.find(place)) {
    set_opaque(there->fd, place);
    // What is below is gone, so nothing below can describe it.
    implied_.erase(place.str());
    return;
  }
  OpenDir& dir = open_dir(*parent);
  const std::string name(place.filename());
  if (try_stat_at(dir.fd, name.c_str())) return;
  count_node();
  make_whiteout(dir, name, path);
}

void DirWriter::make_whiteout(OpenDir& dir, const std::string& name, const RelPath& path) {
  with_context([&] { return "create whiteout '" + printable(path.str()) + "'"; },
               [&] { set_xattr(dir.fd, "", kWhiteoutsInsideXattr, ""); });
  if (::mknodat(dir.fd.get(), name.c_str(), S_IFCHR, ::makedev(0, 0)) != 0)
    fail("create whiteout", path);
  dir.touched = true;
}

void DirWriter::opaque(const RelPath& path) {
  if (const auto place = resolve(path, OnMissing::make, OnFile::stop))
    set_opaque(open_dir(*place).fd, *place);
}

void DirWriter::set_opaque(FdRef dir, const RelPath& path) {
  with_context([&] { return "mark directory '" + printable(path.str()) + "' as opaque"; },
               [&] { set_xattr(dir, "", kOpaqueXattr, kOpaqueValue); });
}

void DirWriter::finish() {
  cache_.finish();
}

OpenDir& DirWriter::make_directory(const RelPath& path, mode_t mode) {
  OpenDir& parent = open_dir(path.parent());
  const std::string name(path.filename());
  count_node();
  if (::mkdirat(parent.fd.get(), name.c_str(), (mode & kPermissions) | kOwnerAll) != 0)
    fail("create directory", path);
  parent.touched = true;
  OpenDir dir;
  dir.path = path;
  dir.fd = open_beneath(parent.fd, RelPath::parse(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  dir.mode = mode;
  dir.touched = true;
  return cache_.add(std::move(dir));
}

void DirWriter::make_implied(const RelPath& path) {
  OpenDir& parent = open_dir(path.parent());
  const Was was = make_way(path, {&parent, std::string(path.filename())});
  OpenDir& dir = make_directory(path, 0755);
  metadata_.dress_plain(dir.fd, path, 0755);
  if (was == Was::whiteout) return set_opaque(dir.fd, path);
  constexpr std::size_t kNodeBytes = 96; // of the set, beside the name itself
  implied_bytes_ += path.str().size() + kNodeBytes;
  if (implied_bytes_ > options_.max_implied_bytes)
    throw Error(ErrorKind::limit_exceeded,
                "too many directories that the archive does not mention (" +
                    std::to_string(implied_.size()) + ")");
  implied_.insert(path.str());
}

void DirWriter::forget_implied_at_and_below(const RelPath& path) {
  implied_.erase(path.str());
  // '0' is the byte after '/'.
  implied_.erase(implied_.lower_bound(path.str() + '/'), implied_.lower_bound(path.str() + '0'));
}

// Of a file that gives way. Names that it lost to take_replaced are counted by the kernel still; of
// empty ones nothing is said, as they need not be kept.
bool DirWriter::is_last_name(const struct stat& status) {
  if (status.st_nlink == 1 || status.st_size == 0) return true;
  return options_.take_replaced && status.st_nlink == ++taken_names_[status.st_ino];
}

DirWriter::Was DirWriter::make_way(const RelPath& path, const Node& at) {
  const auto status = try_stat_at(at.dir->fd, at.name.c_str());
  if (!status) return Was::nothing;
  at.dir->touched = true;
  if (is_whiteout_node(*status)) {
    unlink_at(at.dir->fd, at.name.c_str());
    return Was::whiteout;
  }
  if (S_ISDIR(status->st_mode)) {
    cache_.forget(path);
    forget_implied_at_and_below(path);
  }
  consume_tree(at.dir->fd, at.name.c_str(), path,
               [this](FdRef dir, const char* name, const RelPath& gone, const struct stat& s) {
                 if (is_last_name(s)) size_bytes_ -= static_cast<std::uint64_t>(s.st_size);
                 if (options_.take_replaced)
                   options_.take_replaced(dir, name, gone, s);
                 else
                   unlink_at(dir, name);
               });
  return Was::other;
}

void DirWriter::count_node() {
  if (++nodes_ > options_.max_nodes)
    throw Error(ErrorKind::limit_exceeded, "more than " + std::to_string(options_.max_nodes) +
                                               " files and directories (--max-entries)")
        .set_hint("--max-entries raises the limit");
}

std::vector<RelPath> DirWriter::implied() const {
  std::vector<RelPath> paths;
  paths.reserve(implied_.size());
  for (const std::string& path : implied_)
    paths.push_back(RelPath::parse(path));
  return paths;
}

} // namespace layerbox
