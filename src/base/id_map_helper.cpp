#include "base/id_map_helper.hpp"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <cstring>

#include "base/userns.hpp"

namespace layerbox {
namespace {

// Of a file; those below 32 are in the first word of the permitted set (linux/capability.h).
bool file_has(const std::string& path, unsigned capability) {
  struct vfs_ns_cap_data data {};
  const ssize_t size = ::getxattr(path.c_str(), "security.capability", &data, sizeof data);
  constexpr auto kLeast =
      static_cast<ssize_t>(offsetof(struct vfs_ns_cap_data, data) + sizeof(__le32));
  return size >= kLeast && (data.data[0].permitted >> capability & 1) != 0;
}

} // namespace

IdMapHelper find_id_map_helper(const std::string& program) {
  IdMapHelper helper;
  helper.program = program;
  helper.path = find_in_path(program.c_str());
  if (!helper.path) return helper;
  struct stat file {};
  struct statvfs system {};
  if (::stat(helper.path->c_str(), &file) == 0)
    helper.is_setuid_root = file.st_uid == 0 && (file.st_mode & S_ISUID) != 0;
  helper.has_file_capability =
      file_has(*helper.path, program == "newuidmap" ? CAP_SETUID : CAP_SETGID);
  if (::statvfs(helper.path->c_str(), &system) == 0)
    helper.is_on_nosuid_mount = (system.f_flag & ST_NOSUID) != 0;
  return helper;
}

Cause why_id_map_helper_fails(const IdMapHelper& helper, const UsernsFacts& facts) {
  if (!helper.path)
    return {helper.program + " is not installed",
            "install it: the package is uidmap on Debian and Ubuntu, shadow-utils on Fedora"};
  if (facts.no_new_privileges)
    return {helper.program + " gets no rights: layerbox was started with no_new_privs",
            "start layerbox without it: of a container around, without --security-opt "
            "no-new-privileges; of a systemd service, with NoNewPrivileges=no"};
  if (helper.is_on_nosuid_mount)
    return {"'" + *helper.path + "' gets no rights: its file system is mounted nosuid",
            "mount that file system without nosuid"};
  if (!helper.is_setuid_root && !helper.has_file_capability)
    return {"'" + *helper.path +
                "' has no rights: it is neither setuid root nor has it the file "
                "capability",
            "as root: chown root " + *helper.path + " && chmod u+s " + *helper.path};
  return {};
}

} // namespace layerbox
