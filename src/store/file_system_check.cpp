#include "store/file_system_check.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "store/private_dir.hpp"

namespace layerbox {
namespace {

struct Refused {
  std::uint64_t magic;
  const char* why;
};

// Numbers that <linux/magic.h> lacks are from the file systems' own sources.
constexpr std::array<Refused, 10> kRefused = {{
    {NFS_SUPER_MAGIC, "it is NFS, which has no whiteouts and cannot be under overlayfs"},
    {FUSE_SUPER_MAGIC, "it is a FUSE file system, which overlayfs cannot write on"},
    {OVERLAYFS_SUPER_MAGIC, "it is an overlay itself, which overlayfs cannot write on"},
    {SMB_SUPER_MAGIC, "it is a Windows share, which has no owners of its own"},
    {CIFS_SUPER_MAGIC, "it is a Windows share, which has no owners of its own"},
    {SMB2_SUPER_MAGIC, "it is a Windows share, which has no owners of its own"},
    {V9FS_MAGIC, "it is a 9p share, which overlayfs cannot write on"},
    {CEPH_SUPER_MAGIC, "it is CephFS, which overlayfs cannot write on"},
    {AFS_SUPER_MAGIC, "it is AFS, which overlayfs cannot write on"},
    {ECRYPTFS_SUPER_MAGIC, "it is eCryptfs, which overlayfs cannot write on"},
}};

constexpr const char* kProbe = "probe.new";

[[noreturn]] void refuse(const std::string& what, int error_number) {
  throw Error(ErrorKind::unsupported, what + " (" + errno_text(error_number) + ')', error_number);
}

void try_user_xattr(FdRef probe) {
  constexpr const char* kName = "user.layerbox.probe";
  if (::fsetxattr(probe.get(), kName, "y", 1, 0) != 0)
    refuse("it does not keep user extended attributes on directories", errno);
}

void try_tmpfile(FdRef probe) {
  const UniqueFd file(::openat(probe.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) refuse("it cannot make files without a name (O_TMPFILE)", errno);
}

void try_flock(FdRef probe) {
  if (::flock(probe.get(), LOCK_EX | LOCK_NB) != 0) refuse("it has no file locks", errno);
}

void try_whiteout(FdRef probe) {
  if (::mknodat(probe.get(), "whiteout", S_IFCHR | 0600, makedev(0, 0)) != 0)
    refuse("it does not let this user make whiteouts (character device 0:0)", errno);
}

// Overlayfs finds whiteouts by the type in the directory entry. Requires the whiteout.
void try_entry_types(FdRef probe) {
  UniqueFd copy(::openat(probe.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), &::closedir);
  if (!stream) refuse("its directories cannot be read", errno);
  (void)copy.release();
  while (const dirent* entry = ::readdir(stream.get()))
    if (std::string_view(entry->d_name) == "whiteout" && entry->d_type != DT_CHR)
      throw Error(ErrorKind::unsupported, "its directories do not tell the type of their entries");
}

} // namespace

FileSystemFacts file_system_facts(FdRef dir) {
  FileSystemFacts facts;
  struct statfs status {};
  if (::fstatfs(dir.get(), &status) != 0) throw_errno(errno, "look at its file system");
  facts.magic = static_cast<std::uint64_t>(status.f_type) & 0xFFFFFFFF;
  // File systems without flags refuse the question, and do not fold case either.
  int flags = 0;
  if (::ioctl(dir.get(), FS_IOC_GETFLAGS, &flags) == 0)
    facts.casefold = (static_cast<unsigned>(flags) & FS_CASEFOLD_FL) != 0;
  return facts;
}

std::optional<std::string> objection(const FileSystemFacts& facts) {
  for (const Refused& refused : kRefused)
    if (facts.magic == refused.magic) return refused.why;
  if (facts.casefold) return "the directory ignores the case of names (casefold)";
  return std::nullopt;
}

void try_file_system(FdRef dir) {
  remove_tree(dir, kProbe); // what a killed process left
  make_private_dir(dir, kProbe);
  const auto probe = open_beneath(dir, RelPath::parse(kProbe), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  try {
    try_user_xattr(probe);
    try_tmpfile(probe);
    try_flock(probe);
    try_whiteout(probe);
    try_entry_types(probe);
  } catch (const Error&) {
    remove_tree(dir, kProbe);
    throw;
  }
  remove_tree(dir, kProbe);
}

} // namespace layerbox
