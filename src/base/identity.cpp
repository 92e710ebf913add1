// Whose rights this process has: current_identity() of userns.hpp.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/userns.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxAccountFileBytes = std::size_t{16} << 20;
// How many ids a container should have: those of Debian's policy (0 … 65535).
constexpr std::uint32_t kIdsOfAContainer = 65536;

std::string read_host_file(const char* path) {
  const UniqueFd fd = open_path(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  FdSource source(fd, path);
  return read_all(source, kMaxAccountFileBytes, path);
}

std::string read_if_there(const char* path) {
  try {
    return read_host_file(path);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return {};
    throw;
  }
}

std::vector<IdRange> parse_id_map(const std::string& text) {
  std::vector<IdRange> ranges;
  std::istringstream in(text);
  IdRange range;
  while (in >> range.inside >> range.outside >> range.count)
    ranges.push_back(range);
  return ranges;
}

bool effective(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[capability / 32].effective >> (capability % 32) & 1u) != 0;
}

std::vector<std::string_view> split(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t at = line.find(separator);
    fields.push_back(line.substr(0, at));
    if (at == std::string_view::npos) return fields;
    line.remove_prefix(at + 1);
  }
}

template <typename Visit> void for_each_line(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return value;
}

// The account's name as /etc/passwd has it; the number as text when it has none.
std::string account_name(uid_t uid) {
  std::string name = std::to_string(uid);
  bool found = false;
  const std::string passwd = read_if_there("/etc/passwd");
  for_each_line(passwd, [&](std::string_view line) {
    const auto fields = split(line, ':');
    if (found || fields.size() < 3 || number(fields[2]) != uid) return;
    name = std::string(fields[0]);
    found = true;
  });
  return name;
}

// The largest range of `path` (subuid(5), subgid(5)) for the account, by name or by number.
std::optional<IdRange> subordinate_range(const char* path, const std::string& name, uid_t uid) {
  std::optional<IdRange> best;
  const std::string text = read_if_there(path);
  for_each_line(text, [&](std::string_view line) {
    const auto fields = split(line, ':');
    if (fields.size() != 3 || (fields[0] != name && number(fields[0]) != uid)) return;
    const auto first = number(fields[1]);
    const auto count = number(fields[2]);
    if (first && count && *count > 0 && (!best || *count > best->count))
      best = IdRange{1, *first, *count};
  });
  return best;
}

Identity poor(Identity who, std::string reason) {
  who.privilege = Privilege::single;
  who.store_map = IdMap::single(::geteuid(), ::getegid());
  who.reason = std::move(reason);
  return who;
}

// Root of a user namespace that somebody else made: all that is mapped there may be mapped on.
Identity root_of_namespace(Identity who, const std::vector<IdRange>& uids) {
  const std::vector<IdRange> gids = parse_id_map(read_host_file("/proc/self/gid_map"));
  IdMap map;
  for (const IdRange& r : uids)
    map.uids.push_back({r.inside, r.inside, r.count});
  for (const IdRange& r : gids)
    map.gids.push_back({r.inside, r.inside, r.count});
  const bool rich =
      map.maps_uid(1) && map.maps_gid(1) && effective(CAP_SETUID) && effective(CAP_SETGID);
  if (!rich)
    return poor(std::move(who),
                "this user namespace maps a single id, so every file belongs to it");
  who.privilege = Privilege::subordinate;
  who.store_map = std::move(map);
  who.reason = "running as root of a user namespace, not of the machine";
  return who;
}

} // namespace

Identity current_identity() {
  Identity who;
  who.uid = ::getuid();
  who.gid = ::getgid();
  if (::geteuid() == 0) {
    const std::vector<IdRange> uids = parse_id_map(read_host_file("/proc/self/uid_map"));
    const bool initial = uids.size() == 1 && uids[0] == IdRange{0, 0, UINT32_MAX};
    if (!initial) return root_of_namespace(std::move(who), uids);
    if (!effective(CAP_SYS_ADMIN))
      return poor(std::move(who), "running as root without CAP_SYS_ADMIN");
    who.privilege = Privilege::root;
    who.store_map = IdMap::shifted(0, UINT32_MAX);
    return who;
  }
  const std::string name = account_name(who.uid);
  const auto uids = subordinate_range("/etc/subuid", name, who.uid);
  const auto gids = subordinate_range("/etc/subgid", name, who.uid);
  if (!uids || !gids)
    return poor(std::move(who), "no range for '" + name + "' in /etc/" +
                                    (uids ? "subgid" : "subuid") + ", so one id only is mapped");
  if (!find_in_path("newuidmap") || !find_in_path("newgidmap"))
    return poor(std::move(who),
                "newuidmap and newgidmap are not installed (Debian package uidmap), so one id only "
                "is mapped");
  who.privilege = Privilege::subordinate;
  const std::uint32_t most = kIdsOfAContainer - 1;
  who.store_map = {{{0, who.uid, 1}, {1, uids->outside, std::min(uids->count, most)}},
                   {{0, who.gid, 1}, {1, gids->outside, std::min(gids->count, most)}}};
  who.reason = "an ordinary user; ids inside are ids " + std::to_string(uids->outside) +
               " and up of /etc/subuid";
  return who;
}

} // namespace layerbox
