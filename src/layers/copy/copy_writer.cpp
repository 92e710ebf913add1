#include "layers/copy/copy_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"

namespace layerbox {
namespace {

constexpr mode_t kWhileWritten = 0600;
constexpr mode_t kDirWhileWritten = 0700;
constexpr mode_t kMissingDir = 0755; // one that a tar puts files into and never mentions

[[noreturn]] void refuse_entry(const RelPath& path, const char* why) {
  throw Error(ErrorKind::invalid_argument, "'" + printable(path.str()) + "' " + why);
}

[[noreturn]] void fail_entry(const char* what, const RelPath& path, int error_number) {
  throw_errno(error_number, std::string(what) + " '" + printable(path.str()) + "'");
}

// Under a name of its own until it takes its place; its destructor removes what did not.
class Unplaced {
 public:
  explicit Unplaced(FdRef dir) : dir_(dir), name_(".layerbox-" + random_token()) {}
  ~Unplaced() { ::unlinkat(dir_.get(), name_.c_str(), 0); }
  Unplaced(const Unplaced&) = delete;
  Unplaced& operator=(const Unplaced&) = delete;
  FdRef dir() const { return dir_; }
  const char* name() const { return name_.c_str(); }

  void place(const RelPath& path) const {
    const std::string name(path.filename());
    if (::renameat(dir_.get(), name_.c_str(), dir_.get(), name.c_str()) == 0) return;
    const int why = errno;
    if (why == EISDIR || why == ENOTEMPTY || why == EEXIST)
      refuse_entry(path, "is a directory there, and no directory here");
    if (why == EBUSY)
      throw Error(ErrorKind::in_use, "replace '" + printable(path.str()) + "': it is a mount", why)
          .set_hint("write into what is mounted there, a volume or a file of the host");
    fail_entry("write", path, why);
  }

 private:
  FdRef dir_;
  std::string name_;
};

void write_content(FdRef fd, const RelPath& path, std::uint64_t size_bytes, FileContent& content) {
  for (auto region = content.next(); !region.data.empty(); region = content.next()) {
    std::size_t done = 0;
    while (done < region.data.size()) {
      const ssize_t put = ::pwrite(fd.get(), region.data.data() + done, region.data.size() - done,
                                   static_cast<off_t>(region.offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail_entry("write", path, errno);
      done += static_cast<std::size_t>(put);
    }
  }
  // A hole at the end.
  if (::ftruncate(fd.get(), static_cast<off_t>(size_bytes)) != 0)
    fail_entry("set size of", path, errno);
}

// Owners are settled before it is asked: it finds each file as it shall be.
Identity nobody_changes_owners() {
  Identity who;
  who.privilege = Privilege::root;
  return who;
}

} // namespace

bool is_copied_xattr(std::string_view name) {
  return name.starts_with("user.") || name == kAccessAclXattr || name == kDefaultAclXattr ||
         name == "security.capability";
}

CopyWriter::CopyWriter(FdRef top, Options options)
    : top_(top), options_(options), metadata_(nobody_changes_owners()) {}

// What the file is called afterwards decides what its bits may mean.
Metadata CopyWriter::owned(FdRef dir, const char* name, Metadata metadata) {
  constexpr int kItself = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  struct stat now {};
  if (::fstatat(dir.get(), name, &now, kItself) != 0) throw_errno(errno, "look at a new file");
  const CopyOwner wanted = options_.owner.value_or(CopyOwner{metadata.uid, metadata.gid});
  bool given = (wanted.uid == kWhoWrites.uid || now.st_uid == wanted.uid) &&
               (wanted.gid == kWhoWrites.gid || now.st_gid == wanted.gid);
  if (!given) {
    given = ::fchownat(dir.get(), name, wanted.uid, wanted.gid, kItself) == 0;
    if (!given && errno != EPERM && errno != EINVAL) throw_errno(errno, "set the owner");
    if (!given && !options_.owner) ++metadata_.unheld().owners;
    if (::fstatat(dir.get(), name, &now, kItself) != 0) throw_errno(errno, "look at a new file");
  }
  const bool is_its_own = given && !options_.owner;
  if (!is_its_own && !S_ISDIR(now.st_mode)) metadata.mode &= ~mode_t{S_ISUID | S_ISGID};
  std::erase_if(metadata.xattrs, [&](const auto& item) {
    return !is_copied_xattr(item.first) || (!is_its_own && !item.first.starts_with("user."));
  });
  metadata.uid = now.st_uid;
  metadata.gid = now.st_gid;
  return metadata;
}

UniqueFd CopyWriter::open_parent(const RelPath& path) const {
  const RelPath parent = path.parent();
  if (auto fd = try_open_beneath(top_, parent, O_PATH | O_DIRECTORY)) return std::move(*fd);
  UniqueFd at = open_beneath(top_, RelPath(), O_PATH | O_DIRECTORY);
  for (const std::string_view part : parent.components()) {
    const std::string name(part);
    if (options_.covered != nullptr) options_.covered->require_seen(at, "");
    if (::mkdirat(at.get(), name.c_str(), kMissingDir) == 0 && options_.owner &&
        ::fchownat(at.get(), name.c_str(), options_.owner->uid, options_.owner->gid,
                   AT_SYMLINK_NOFOLLOW) != 0 &&
        errno != EPERM && errno != EINVAL)
      fail_entry("set the owner of", RelPath::parse(name), errno);
    at = open_beneath(at, RelPath::parse(name), O_PATH | O_DIRECTORY);
  }
  return at;
}

FdRef CopyWriter::parent_of(const RelPath& path) {
  if (path.is_top()) refuse_entry(path, "is the top, which must be a directory");
  settle_all_but_parents_of(path);
  if (parent_path_ && *parent_path_ == path.parent()) return parent_;
  try {
    parent_ = open_parent(path);
  } catch (Error& error) {
    const int why = error.error_number();
    if (why == ELOOP || why == ENOTDIR)
      refuse_entry(path.parent(), "is no directory there (a symlink is not followed)");
    throw;
  }
  parent_path_ = path.parent();
  if (options_.covered != nullptr) options_.covered->require_seen(parent_, "");
  return parent_;
}

template <typename Make> void CopyWriter::put(const RelPath& path, Make&& make) {
  const FdRef dir = parent_of(path);
  if (options_.covered != nullptr)
    options_.covered->require_seen(dir, std::string(path.filename()).c_str());
  const Unplaced file(dir);
  make(file);
  file.place(path);
}

void CopyWriter::directory(const RelPath& path, const Metadata& metadata) {
  if (path.is_top()) return; // it is there
  const FdRef dir = parent_of(path);
  const std::string name(path.filename());
  if (options_.covered != nullptr) options_.covered->require_seen(dir, name.c_str());
  if (::mkdirat(dir.get(), name.c_str(), kDirWhileWritten) == 0) {
    pending_.push_back({path, metadata});
    return;
  }
  if (errno != EEXIST) fail_entry("make directory", path, errno);
  const auto status = try_stat_at(dir, name.c_str());
  if (!status || !S_ISDIR(status->st_mode))
    refuse_entry(path, "is a directory here, and none there");
}

void CopyWriter::file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
                      FileContent& content) {
  put(path, [&](const Unplaced& file) {
    const UniqueFd fd(::openat(file.dir().get(), file.name(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                               kWhileWritten));
    if (!fd) fail_entry("write", path, errno);
    write_content(fd, path, size_bytes, content);
    metadata_.dress(fd, path, owned(fd, "", metadata), MetadataWriter::Times::set);
  });
}

void CopyWriter::symlink(const RelPath& path, const Metadata& metadata, const std::string& target) {
  put(path, [&](const Unplaced& file) {
    if (::symlinkat(target.c_str(), file.dir().get(), file.name()) != 0)
      fail_entry("make symlink", path, errno);
    Metadata bare = owned(file.dir(), file.name(), metadata);
    bare.xattrs.clear();
    metadata_.dress_at(file.dir(), file.name(), path, bare);
  });
}

void CopyWriter::hardlink(const RelPath& path, const Metadata&, const RelPath& target) {
  if (target.is_top()) refuse_entry(path, "is a hard link to a directory");
  // Opened first: the parent in hand may be closed for it.
  const UniqueFd from = open_parent(target);
  put(path, [&](const Unplaced& file) {
    if (::linkat(from.get(), std::string(target.filename()).c_str(), file.dir().get(), file.name(),
                 0) != 0)
      fail_entry("link", path, errno);
  });
}

void CopyWriter::special(const RelPath& path, const Metadata& metadata, const Special& special) {
  if (special.type != SpecialType::fifo) {
    ++metadata_.unheld().devices;
    return;
  }
  put(path, [&](const Unplaced& file) {
    if (::mkfifoat(file.dir().get(), file.name(), kWhileWritten) != 0)
      fail_entry("make fifo", path, errno);
    Metadata bare = owned(file.dir(), file.name(), metadata);
    bare.xattrs.clear();
    metadata_.dress_at(file.dir(), file.name(), path, bare);
  });
}

void CopyWriter::whiteout(const RelPath& path) {
  refuse_entry(path, "is a whiteout, which means nothing in a copy");
}
void CopyWriter::opaque(const RelPath& path) {
  whiteout(path);
}

void CopyWriter::settle_all_but_parents_of(const RelPath& path) {
  while (!pending_.empty() && !path.parent().starts_with(pending_.back().path)) {
    settle(pending_.back());
    pending_.pop_back();
  }
}

void CopyWriter::settle(const Pending& pending) {
  const UniqueFd dir = open_beneath(top_, pending.path, kOpenDir);
  metadata_.dress(dir, pending.path, owned(dir, "", pending.metadata), MetadataWriter::Times::set);
}

void CopyWriter::finish() {
  while (!pending_.empty()) {
    settle(pending_.back());
    pending_.pop_back();
  }
  parent_path_.reset();
}

} // namespace layerbox
