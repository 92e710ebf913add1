#include "store/private_dir.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {

void make_private_dir(FdRef parent, const char* name) {
  make_dir_at(parent, name, 0700);
  // The umask has cut what was asked for; what it is cannot be asked without changing it.
  if (::fchmodat(parent.get(), name, 0700, 0) != 0)
    throw_errno(errno, "set the mode of directory '" + printable(name) + "'");
}

UniqueFd make_or_open_private_dir(FdRef parent, const char* name) {
  const RelPath path = RelPath::parse(name);
  if (auto dir = try_open_beneath(parent, path, kOpenDir)) return std::move(*dir);
  try {
    make_private_dir(parent, name);
  } catch (const Error& error) {
    if (error.error_number() != EEXIST) throw; // another was first
  }
  return open_beneath(parent, path, kOpenDir);
}

} // namespace layerbox
