// proc_view: how much of /proc can be seen here. In a user namespace the kernel makes a new /proc
// only where the one that is there shows all of itself: who runs inside of a container whose /proc
// is partly covered could look below the covers otherwise.
//
//     parse_proc_view("… /proc rw … - proc proc rw\n… /proc/sys ro … - proc proc rw\n")
//       → {is_mounted, covered {"/proc/sys"}}
//
// Source: mount_namespaces(7), "Restrictions on mount namespaces"; mnt_already_visible() in
// fs/namespace.c; proc_pid_mountinfo(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

struct ProcView {
  bool is_mounted = true;
  bool is_read_only = false;        // then a new one would have to be, too
  std::vector<std::string> covered; // places below it on which something is mounted
};

// Pure. Places that are empty whatever is mounted there do not count.
ProcView parse_proc_view(std::string_view mountinfo);

// Of this process; as if all could be seen where that cannot be found out. Throws nothing.
ProcView proc_view() noexcept;

// "'/proc/sys' and 3 other places of it are covered"; "" where nothing hinders a new /proc.
std::string proc_view_fault(const ProcView& view);

} // namespace layerbox
