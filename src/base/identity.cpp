#include "base/identity.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/subordinate_ids.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxAccountFileBytes = std::size_t{16} << 20;

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

Identity with_one_id(Identity who, const IdentityFacts& facts, Lacks lacks, std::string reason,
                     std::string way_out) {
  who.privilege = Privilege::single;
  who.store_map = IdMap::single(facts.effective_uid, facts.effective_gid);
  who.reason = std::move(reason);
  who.lacks = lacks;
  who.way_out = std::move(way_out);
  return who;
}

// What is mapped in the process's own namespace, each id as itself.
std::vector<IdRange> each_as_itself(std::vector<IdRange> ranges) {
  for (IdRange& range : ranges)
    range.outside = range.inside;
  return ranges;
}

std::uint64_t count_ids(const std::vector<IdRange>& ranges) {
  std::uint64_t count = 0;
  for (const IdRange& range : ranges)
    count += range.count;
  return count;
}

// Uid 0, but not the machine's: all that is mapped here may be mapped on, where there is enough.
Identity judge_poor_root(Identity who, const IdentityFacts& facts, const std::string& where) {
  who.outside = {parse_id_map(facts.uid_map), parse_id_map(facts.gid_map)};
  const IdMap map{each_as_itself(parse_id_map(facts.uid_map)),
                  each_as_itself(parse_id_map(facts.gid_map))};
  const std::uint64_t ids = std::min(count_ids(map.uids), count_ids(map.gids));
  if (ids < kIdsOfAMachine || !map.maps_uid(0) || !map.maps_gid(0))
    return with_one_id(std::move(who), facts, Lacks::rights,
                       where + " that maps " + std::to_string(ids) + (ids == 1 ? " id" : " ids"),
                       "have the user namespace around layerbox map " +
                           std::to_string(kIdsOfAMachine) + " ids");
  if (!has_capability(facts.capabilities, CAP_SETUID) ||
      !has_capability(facts.capabilities, CAP_SETGID))
    return with_one_id(std::move(who), facts, Lacks::rights,
                       where + ", without CAP_SETUID and CAP_SETGID",
                       "start what is around layerbox with these capabilities");
  who.privilege = Privilege::subordinate;
  who.store_map = map;
  who.reason = where;
  return who;
}

Identity judge_root(Identity who, const IdentityFacts& facts) {
  const std::vector<IdRange> all{{0, 0, UINT32_MAX}};
  if (parse_id_map(facts.uid_map) != all)
    return judge_poor_root(std::move(who), facts, "root of a user namespace");
  if (!has_capability(facts.capabilities, CAP_SYS_ADMIN))
    return judge_poor_root(std::move(who), facts, "root without CAP_SYS_ADMIN");
  who.privilege = Privilege::root;
  who.store_map = IdMap::shifted(0, UINT32_MAX);
  return who;
}

// What gives the account a range that is nobody's yet.
std::string range_command(const std::optional<std::string>& name, const IdentityFacts& facts) {
  const std::string who = name ? "'" + *name + "'" : "uid " + std::to_string(facts.uid);
  const std::uint64_t first = std::max(first_free_id(facts.subuid), first_free_id(facts.subgid));
  const std::uint64_t last = first + kIdsOfAMachine - 1;
  if (last >= UINT32_MAX)
    return "give " + who + ' ' + std::to_string(kIdsOfAMachine) +
           " ids in /etc/subuid and in /etc/subgid that nobody else has there";
  const std::string range = std::to_string(first) + "-" + std::to_string(last);
  if (name)
    return "as root: usermod --add-subuids " + range + " --add-subgids " + range + ' ' + *name;
  return "as root: echo " + std::to_string(facts.uid) + ':' + std::to_string(first) + ':' +
         std::to_string(kIdsOfAMachine) + " | tee -a /etc/subuid >> /etc/subgid";
}

Identity judge_user(Identity who, const IdentityFacts& facts) {
  const auto name = account_name(facts.passwd, facts.uid);
  const auto uids = subordinate_ranges(facts.subuid, name, facts.uid, facts.uid);
  const auto gids = subordinate_ranges(facts.subgid, name, facts.uid, facts.gid);
  if (uids.empty() || gids.empty())
    return with_one_id(std::move(who), facts, Lacks::range,
                       "no range for " +
                           (name ? "'" + *name + "'" : "uid " + std::to_string(facts.uid)) +
                           " in " + (uids.empty() ? "/etc/subuid" : "/etc/subgid"),
                       range_command(name, facts));
  if (!facts.has_newuidmap || !facts.has_newgidmap)
    return with_one_id(std::move(who), facts, Lacks::helper,
                       std::string(facts.has_newuidmap ? "newgidmap" : "newuidmap") +
                           " is not installed",
                       "install it: the package is uidmap on Debian and Ubuntu, shadow-utils on "
                       "Fedora");
  who.privilege = Privilege::subordinate;
  who.store_map = IdMap::single(facts.uid, facts.gid);
  who.store_map.uids.insert(who.store_map.uids.end(), uids.begin(), uids.end());
  who.store_map.gids.insert(who.store_map.gids.end(), gids.begin(), gids.end());
  who.reason = "an ordinary user with " + std::to_string(count_ids(uids)) + " subordinate ids";
  return who;
}

// What the maps of the machine's own user namespace say.
constexpr const char* kAllIds = "0 0 4294967295\n";

// By its number, which is the same on every machine: PROC_USER_INIT_INO of linux/proc_ns.h.
bool is_first_user_namespace() {
  constexpr const char* kOwn = "/proc/self/ns/user";
  constexpr ino_t kFirst = 0xEFFFFFFD;
  struct stat status {};
  if (::stat(kOwn, &status) == 0) return status.st_ino == kFirst;
  Error error(kind_of_errno(errno), std::string("'") + kOwn + "': " + errno_text(errno), errno);
  error.set_hint(
      "/proc is not mounted here, and nothing works without it: mount -t proc proc /proc");
  throw error;
}

} // namespace

bool has_capability(std::uint64_t set, unsigned capability) {
  return (set >> capability & 1) != 0;
}

std::uint64_t effective_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) throw_errno(errno, "read the capabilities");
  return std::uint64_t{data[1].effective} << 32 | data[0].effective;
}

Identity judge_identity(const IdentityFacts& facts) {
  Identity who;
  who.uid = facts.uid;
  who.gid = facts.gid;
  return facts.effective_uid == 0 ? judge_root(std::move(who), facts)
                                  : judge_user(std::move(who), facts);
}

Identity current_identity() {
  IdentityFacts facts;
  facts.uid = ::getuid();
  facts.gid = ::getgid();
  facts.effective_uid = ::geteuid();
  facts.effective_gid = ::getegid();
  facts.capabilities = effective_capabilities();
  if (is_first_user_namespace()) {
    facts.uid_map = facts.gid_map = kAllIds;
  } else {
    facts.uid_map = read_host_file("/proc/self/uid_map");
    facts.gid_map = read_host_file("/proc/self/gid_map");
  }
  if (facts.effective_uid != 0) {
    facts.passwd = read_if_there("/etc/passwd");
    facts.subuid = read_if_there("/etc/subuid");
    facts.subgid = read_if_there("/etc/subgid");
    facts.has_newuidmap = find_in_path("newuidmap").has_value();
    facts.has_newgidmap = find_in_path("newgidmap").has_value();
  }
  return judge_identity(facts);
}

} // namespace layerbox
