// file_systems: those that a suite is held to. The machine's own, and others that are made in files
// and mounted for this process alone.
//
//     const FileSystem& here = file_system("xfs");
//     if (!here.why_not.empty()) LAYERBOX_SKIP_UNLESS_REQUIRED("loop", here.why_not);
//     TemporaryStore temporary(here.path);
//
// The others lie in memory, below a directory that is covered in a mount namespace of this
// process's own. They and their loop devices end with it, however it ends; nothing else is left of
// them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layerbox::test {

inline constexpr const char* kOwnFileSystem = "own";

struct FileSystem {
  std::string path;    // of a directory on it
  std::string why_not; // why it could not be mounted; "" when it is there
};

// Their names: kOwnFileSystem and those with clones of files, XFS and btrfs.
std::vector<std::string> file_systems();
// Mounted with the first call. Throws Error for a name that is not one of file_systems().
const FileSystem& file_system(const std::string& name);

// Where a backend is tried that is tried once: one that bears the name of a file system on that.
std::string file_system_for(const std::string& backend);
// It need not work on any other.
bool is_for_another(std::string_view backend, std::string_view file_system);

} // namespace layerbox::test
