// The container's /etc/passwd and /etc/group. The input: a user on the first line, then passwd up
// to a zero byte, then group.
#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/temp.hpp"
#include "runner/child_user.hpp"
#include "tests/fuzz/target.hpp"

namespace layerbox::fuzz {
namespace {

void replace_file(FdRef dir, const char* name, std::string_view content) {
  const UniqueFd file(::openat(dir.get(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  write_all(file, std::as_bytes(std::span(content)), name);
}

std::string_view cut_at(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

// Whether a line of passwd says so, whatever its other fields are.
bool is_told(std::string_view passwd, std::string_view name, const child::Account& account) {
  const std::string ids =
      ':' + std::to_string(account.uid) + ':' + std::to_string(account.gid) + ':';
  while (!passwd.empty()) {
    std::string line(cut_at(passwd, '\n'));
    if (!line.starts_with(std::string(name) + ':')) continue;
    // Numbers may have zeros in front.
    for (std::size_t at = 0; (at = line.find(":0", at)) != std::string::npos;) {
      const bool leads = at + 2 < line.size() && line[at + 2] >= '0' && line[at + 2] <= '9';
      if (leads)
        line.erase(at + 1, 1);
      else
        ++at;
    }
    if (line.find(ids) != std::string::npos) return true;
  }
  return false;
}

bool is_number(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

} // namespace

bool run_accounts(std::string_view input) {
  static const TempDir root(open_path("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string user(cut_at(input, '\n'));
  const std::string_view passwd = cut_at(input, '\0');
  replace_file(root.dir(), "passwd", passwd);
  replace_file(root.dir(), "group", input);

  child::Account account;
  const int result =
      child::look_up_account(root.dir().get(), "passwd", "group", user.c_str(), account);
  require(std::memchr(account.about, '\0', sizeof account.about) != nullptr, "names end");
  require(std::memchr(account.home, '\0', sizeof account.home) != nullptr, "a home ends");
  require(account.group_count <= child::kMaxSupplementaryGroups, "groups keep to their limit");
  require((result < 0) == (account.detail != ChildDetail::none), "a failure says what it is");
  if (result < 0) return false;
  require(account.uid != ~0U && account.gid != ~0U, "nobody's id is nobody's");
  for (std::size_t i = 0; i < account.group_count; ++i)
    require(account.groups[i] != ~0U, "nobody's id is no group");
  const std::string name = user.c_str(); // up to a zero byte
  if (name.find(':') == std::string::npos && !is_number(name))
    require(is_told(passwd, name, account), "a user is who passwd says");
  return true;
}

std::vector<std::string> accounts_seeds() {
  const std::string passwd = "root:x:0:0:root:/root:/bin/sh\n"
                             "web:x:33:044:Web:/home/web:/bin/sh\n"
                             "1000:x:7:8::/seven:/bin/sh\n"
                             "none:x:4294967295:51:::/bin/sh\n";
  const std::string group = "root:x:0:\nadm:x:4:web,root\nweb:x:44:\nlog:x:70:other,web";
  std::vector<std::string> seeds;
  for (const char* user : {"", "web", "33", "1000", "web:adm", "web:70", "nobody", "5:log", "none"})
    seeds.push_back(user + ('\n' + passwd) + '\0' + group);
  seeds.push_back("web\n" + std::string(5000, 'l') + '\n' + passwd + '\0' + group);
  return seeds;
}

} // namespace layerbox::fuzz
