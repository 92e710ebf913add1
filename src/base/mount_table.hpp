// mount_table: the mounts that a process sees, as the kernel lists them.
//
//     const std::string table = read_mount_table();
//     for (const MountEntry& mount : parse_mount_table(table))
//       if (mount.type == "proc") … unescape_mount_field(mount.point) …
//
// Source: proc_pid_mountinfo(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

// A line of the table, whose text it refers to. Space, tab, newline and backslash stand as \ooo in
// it, which changes nothing about which path begins with which.
struct MountEntry {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  std::string_view device; // "MAJOR:MINOR"
  std::string_view root;   // which directory of its file system is at the mount point
  std::string_view point;
  std::string_view options;   // of the mount: "rw,nosuid"
  std::string_view peers;     // "shared:1 master:2"
  std::string_view type;      // "ext4"
  std::string_view source;    // "/dev/sda"
  std::string_view of_system; // options of the file system
};

// Of a process, by number, or "self". Throws Error.
std::string read_mount_table(std::string_view process = "self");

// Pure. What is no line of such a table is passed over.
std::vector<MountEntry> parse_mount_table(std::string_view text);

// The mount with that number; null when it is not among them.
const MountEntry* find_mount(const std::vector<MountEntry>& mounts, std::uint64_t id);

std::string unescape_mount_field(std::string_view field);

// Whether `word` stands in a list of options: "rw,nosuid".
bool has_word(std::string_view list, std::string_view word);

} // namespace layerbox
