// child_user: who "www-data:adm" is, according to the container's own /etc/passwd and /etc/group.
// The files are hostile input read by a process that may not allocate: regular files only, opened
// without following a link or waiting for a fifo, read as a stream through one fixed buffer.
//
// As docker does it: "" is uid 0; a number matches a name or an id and needs no entry (gid 0 then);
// a group given takes the place of the supplementary groups.
// Source: passwd(5), group(5).
#pragma once

#include <cstddef>
#include <cstdint>

#include "runner/child.hpp"

namespace layerbox::child {

inline constexpr std::size_t kMaxAccountFileBytes = std::size_t{1} << 20; // the rest is not read
inline constexpr std::size_t kMaxAccountLineBytes = 4096;  // longer lines are passed over
inline constexpr std::size_t kMaxSupplementaryGroups = 64; // further ones are left out
inline constexpr std::size_t kMaxHomeBytes = 500;          // of a longer one "/" is made
inline constexpr std::size_t kMaxAccountNameBytes = 256;
inline constexpr std::size_t kNumberBytes = 12;

struct Account {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t groups[kMaxSupplementaryGroups] = {};
  std::size_t group_count = 0;
  char home[kMaxHomeBytes] = {'/'};
  // Of a failure.
  ChildDetail detail = ChildDetail::none;
  char about[kMaxAccountNameBytes] = {};
};

// Paths are relative to `root`. Returns 0, or -errno with detail and about set.
int look_up_account(int root, const char* passwd_file, const char* group_file, const char* user,
                    Account& account) noexcept;

// `number` in decimal, in `text` (kNumberBytes); returns text.
const char* write_number(std::uint32_t number, char* text) noexcept;

} // namespace layerbox::child
