#include "runner/child_user.hpp"

#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

constexpr std::uint32_t kNoId = 0xffffffffU; // (uid_t)-1 is nobody's

// The lines of a file, one at a time, in one buffer.
struct Lines {
  int fd = -1;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t taken = 0; // bytes read from the file
  bool cut = false;      // the file is longer than we read
  bool skipping = false; // inside a line that is too long
  char buffer[kMaxAccountLineBytes + 1];
};

// Moves what is left to the front and reads behind it. 0 at the end.
int refill(Lines& lines) noexcept {
  std::memmove(lines.buffer, lines.buffer + lines.begin, lines.end - lines.begin);
  lines.end -= lines.begin;
  lines.begin = 0;
  if (lines.end == kMaxAccountLineBytes) { // no newline in a full buffer
    lines.end = 0;
    lines.skipping = true;
  }
  if (lines.taken >= kMaxAccountFileBytes) {
    lines.cut = true;
    return 0;
  }
  const int got =
      call(SYS_read, lines.fd, lines.buffer + lines.end, kMaxAccountLineBytes - lines.end);
  if (got <= 0) return got;
  lines.end += static_cast<std::size_t>(got);
  lines.taken += static_cast<std::size_t>(got);
  return got;
}

// The next line that fits, without its newline; null at the end of the file.
char* next_line(Lines& lines) noexcept {
  for (;;) {
    char* start = lines.buffer + lines.begin;
    const std::size_t have = lines.end - lines.begin;
    if (void* newline = std::memchr(start, '\n', have)) {
      char* stop = static_cast<char*>(newline);
      *stop = '\0';
      lines.begin = static_cast<std::size_t>(stop - lines.buffer) + 1;
      if (!lines.skipping) return start;
      lines.skipping = false;
      continue;
    }
    const bool was_skipping = lines.skipping;
    if (refill(lines) > 0) continue;
    if (lines.cut || was_skipping || lines.skipping || lines.end == 0) return nullptr;
    lines.buffer[lines.end] = '\0'; // the last line lacks its newline
    lines.begin = lines.end = 0;
    return lines.buffer;
  }
}

// Cuts `line` at its colons into `count` fields; false when there are fewer.
bool split(char* line, char** fields, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    fields[i] = line;
    char* colon = std::strchr(line, ':');
    if (colon == nullptr) return i + 1 == count;
    *colon = '\0';
    line = colon + 1;
  }
  return true;
}

std::uint32_t read_number(const char* text) noexcept {
  if (*text == '\0') return kNoId;
  std::uint64_t value = 0;
  for (; *text != '\0'; ++text) {
    if (*text < '0' || *text > '9') return kNoId;
    value = value * 10 + static_cast<std::uint64_t>(*text - '0');
    if (value >= kNoId) return kNoId;
  }
  return static_cast<std::uint32_t>(value);
}

bool copy(char* to, std::size_t room, const char* from) noexcept {
  const std::size_t length = std::strlen(from);
  if (length >= room) return false;
  std::memcpy(to, from, length + 1);
  return true;
}

int refuse(Account& account, ChildDetail detail, const char* about, int error) noexcept {
  account.detail = detail;
  std::size_t i = 0;
  for (; about[i] != '\0' && i + 1 < sizeof account.about; ++i)
    account.about[i] = about[i];
  account.about[i] = '\0';
  return -error;
}

// Opens a regular file for reading. A missing one is -ENOENT; one that is no regular file -EINVAL.
int open_accounts(int root, const char* name) noexcept {
  const int fd = open_at(root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fd;
  struct stat status;
  const int known = stat_fd(fd, &status);
  if (known == 0 && S_ISREG(status.st_mode)) return fd;
  close_fd(fd);
  return known < 0 ? known : -EINVAL;
}

// What a lookup in one file came to.
enum class Found { no, yes, unreadable, too_large };

Found not_found(const Lines& lines) noexcept {
  return lines.cut ? Found::too_large : Found::no;
}

Found find_user(int root, const char* passwd, const char* user, std::uint32_t id, char* name,
                Account& account) noexcept {
  Lines lines;
  lines.fd = open_accounts(root, passwd);
  if (lines.fd < 0) return lines.fd == -ENOENT ? Found::no : Found::unreadable;
  Found found = Found::no;
  while (char* line = next_line(lines)) {
    char* fields[7]; // name:password:uid:gid:comment:home:shell
    if (!split(line, fields, 7)) continue;
    const std::uint32_t uid = read_number(fields[2]);
    const std::uint32_t gid = read_number(fields[3]);
    if (uid == kNoId || gid == kNoId) continue;
    if (std::strcmp(fields[0], user) != 0 && (id == kNoId || uid != id)) continue;
    if (!copy(name, kMaxAccountNameBytes, fields[0])) continue;
    account.uid = uid;
    account.gid = gid;
    if (fields[5][0] != '\0') (void)copy(account.home, sizeof account.home, fields[5]);
    found = Found::yes;
    break;
  }
  if (found == Found::no) found = not_found(lines);
  close_fd(lines.fd);
  return found;
}

bool has_member(char* members, const char* name) noexcept {
  while (*members != '\0') {
    char* comma = std::strchr(members, ',');
    if (comma != nullptr) *comma = '\0';
    if (std::strcmp(members, name) == 0) return true;
    if (comma == nullptr) return false;
    members = comma + 1;
  }
  return false;
}

// With `wanted`: its id. Without: the groups that `member` is in.
Found read_groups(int root, const char* file, const char* wanted, std::uint32_t id,
                  const char* member, Account& account) noexcept {
  Lines lines;
  lines.fd = open_accounts(root, file);
  if (lines.fd < 0) return lines.fd == -ENOENT ? Found::no : Found::unreadable;
  Found found = Found::no;
  while (char* line = next_line(lines)) {
    char* fields[4]; // name:password:gid:members
    if (!split(line, fields, 4)) continue;
    const std::uint32_t gid = read_number(fields[2]);
    if (gid == kNoId) continue;
    if (wanted != nullptr) {
      if (std::strcmp(fields[0], wanted) != 0 && (id == kNoId || gid != id)) continue;
      account.gid = gid;
      found = Found::yes;
      break;
    }
    if (account.group_count < kMaxSupplementaryGroups && has_member(fields[3], member))
      account.groups[account.group_count++] = gid;
  }
  if (found == Found::no) found = not_found(lines);
  close_fd(lines.fd);
  return found;
}

// A name that was not found: why.
int refuse_name(Account& account, Found found, ChildDetail unknown, const char* name,
                const char* file) noexcept {
  if (found == Found::unreadable)
    return refuse(account, ChildDetail::accounts_unreadable, file, EINVAL);
  if (found == Found::too_large)
    return refuse(account, ChildDetail::accounts_too_large, file, EFBIG);
  return refuse(account, unknown, name, ENOENT);
}

} // namespace

const char* write_number(std::uint32_t number, char* text) noexcept {
  char reversed[kNumberBytes];
  std::size_t digits = 0;
  do {
    reversed[digits++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  for (std::size_t i = 0; i < digits; ++i)
    text[i] = reversed[digits - 1 - i];
  text[digits] = '\0';
  return text;
}

int look_up_account(int root, const char* passwd_file, const char* group_file, const char* user,
                    Account& account) noexcept {
  char wanted[kMaxAccountNameBytes];
  if (!copy(wanted, sizeof wanted, user))
    return refuse(account, ChildDetail::user_unknown, user, ENOENT);
  char* second = std::strchr(wanted, ':');
  if (second != nullptr) *second++ = '\0';
  const bool group_given = second != nullptr && *second != '\0';

  const std::uint32_t id = wanted[0] == '\0' ? 0 : read_number(wanted);
  char name[kMaxAccountNameBytes] = {};
  const Found found = find_user(root, passwd_file, wanted, id, name, account);
  if (found != Found::yes) {
    if (id == kNoId)
      return refuse_name(account, found, ChildDetail::user_unknown, wanted, passwd_file);
    account.uid = id;
  }
  if (group_given) {
    const std::uint32_t group_id = read_number(second);
    const Found known = read_groups(root, group_file, second, group_id, nullptr, account);
    if (known == Found::yes) return 0;
    if (group_id == kNoId)
      return refuse_name(account, known, ChildDetail::group_unknown, second, group_file);
    account.gid = group_id;
  } else if (found == Found::yes) {
    (void)read_groups(root, group_file, nullptr, kNoId, name, account);
  }
  return 0;
}

} // namespace layerbox::child
