#include "tests/runner/race_victim.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"
#include "runner/child_user.hpp"
#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

using child::call;

const std::string kMovedAway = std::string("work2/deep/") + kLongWay + "/up/real/";

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

void require(bool done, const char* what) {
  if (!done) give_up(what);
}

std::uint64_t mount_of(int fd) {
  struct statx status = {};
  require(::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) == 0, "statx");
  return status.stx_mnt_id;
}

std::uint64_t inode_of(int dir, const char* name) {
  struct stat status = {};
  if (::fstatat(dir, name, &status, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return status.st_ino;
}

// The mounts that there are: id, parent, place.
struct Mount {
  std::uint64_t parent = 0;
  std::string place;
};
using Mounts = std::map<std::uint64_t, Mount>;

Mounts mounts_seen(int proc) {
  const UniqueFd file(::openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC));
  require(static_cast<bool>(file), "mountinfo");
  std::string text;
  char block[16384];
  for (ssize_t got = 0; (got = ::read(file.get(), block, sizeof block)) > 0;)
    text.append(block, static_cast<std::size_t>(got));
  Mounts mounts;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    std::uint64_t id = 0;
    Mount mount;
    int place_at = 0;
    int place_end = 0;
    if (std::sscanf(text.c_str() + at, "%lu %lu %*s %*s %n%*s%n", &id, &mount.parent, &place_at,
                    &place_end) < 2)
      throw std::runtime_error("a line of mountinfo");
    mount.place = text.substr(at + static_cast<std::size_t>(place_at),
                              static_cast<std::size_t>(place_end - place_at));
    mounts[id] = std::move(mount);
  }
  return mounts;
}

class Victim {
 public:
  Victim(const RaceTree& tree, RaceUser user) : tree_(tree), is_root_(user == RaceUser::root) {
    proc_ = UniqueFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    ChildOp op;
    op.data = "4m";
    require(child::scratch(setting_, op) == 0, "scratch");
    op = {};
    op.fd = nodes_ = child::clone_tree(AT_FDCWD, (tree.top() + "/nodes").c_str(), 0);
    require(child::hang(setting_, op) == 0, "the nodes");
    for (const auto& [id, mount] : mounts_seen(proc_.get()))
      known_.insert(id);
    source_ = tree.top() + "/source";
    source_file_ = source_ + "/marker";
  }

  End attempt(std::size_t kind) {
    begin();
    const End end = (this->*kKinds[kind].run)();
    for (const int fd : {context_.workdir_fd, context_.root_fd})
      if (fd >= 0) child::close_fd(fd);
    return end;
  }

  // `swap` is somebody else: to this mount namespace the name is busy.
  int enter_swapped_dev(const std::function<void()>& swap) {
    begin();
    require(place("dev") == 0, "/dev");
    swap();
    return child::enter(context_, on("dev"));
  }

  struct Kind {
    RaceAttempt about;
    End (Victim::*run)();
  };
  static const std::vector<Kind> kKinds;

 private:
  void begin() {
    context_ = setting_;
    ChildOp op;
    const std::string root = tree_.root();
    op.source = root.c_str();
    op.flags = kRecursive;
    require(child::clone_anchor(context_, op) == 0, "the rootfs");
    own_ = mount_of(context_.root_fd);
    fresh_.reset();
    known_.insert(own_);
    made_ = "new-" + std::to_string(rounds_++);
  }

  // -- What is tried ------------------------------------------------------------------------
  End bind_directory() { return bind("work/real", source_); }
  End bind_new_directory() { return bind(fresh_name("work/real/").c_str(), source_); }
  End bind_file() { return bind("work/real/file", source_file_); }
  End bind_new_file() { return bind(fresh_name("work/real/").c_str(), source_file_); }
  End tmpfs() {
    const std::string name = fresh_name("work/real/");
    ChildOp op = on(name.c_str());
    op.data = "size=4k";
    return mounted(child::tmpfs(context_, op), 1);
  }
  End provide_file() { return provide("etc/resolv.conf"); }
  End mask_file() { return mounted(child::mask(context_, on("work/real/file")), 1); }
  End mask_directory() { return mounted(child::mask(context_, on("work/real")), 1); }
  End read_only() { return mounted(child::read_only(context_, on("work/real")), 1); }
  End device_node() {
    const std::string name = fresh_name("work/real/");
    ChildOp op = on(name.c_str());
    op.fd = nodes_;
    op.source = "0";
    return mounted(child::device_node(context_, op), 1);
  }
  End mount_point() { return mounted(place("own"), 1); }
  End new_mount_point() { return mounted(place(fresh_name("own/")), 1); }
  // As compile() has it: a tmpfs, into it, a node in it, and out again.
  End fill_dev() {
    int result = place("dev");
    (void)::usleep(50); // nothing lies between the two here, and others are to have their turn
    if (result == 0) result = child::enter(context_, on("dev"));
    ChildOp op = on("null");
    op.source = "/dev/null";
    if (result == 0) result = child::device(context_, op);
    const End end = result < 0 ? whole(End::refused) : mounted(result, 2);
    (void)::fchdir(context_.root_fd);
    return end;
  }
  End workdir() {
    const int result = child::workdir(context_, on(fresh_name("work/real/").c_str()));
    return result < 0 ? End::refused : opened(context_.workdir_fd, made_.c_str());
  }
  End moved_directory() {
    const std::string name = fresh_name(kMovedAway);
    const int fd = child::make_directories(context_.root_fd, name.c_str(), child::kInRoot);
    if (fd < 0) return End::refused;
    const std::uint64_t inode = inode_of(fd, "");
    child::close_fd(fd);
    const std::string inside = tree_.root() + "/canary/real/" + made_;
    return inode == inode_of(AT_FDCWD, inside.c_str()) ? End::place : End::lost;
  }
  End accounts() {
    child::Account account;
    const UniqueFd etc(
        child::open_how(context_.root_fd, "etc", O_PATH | O_DIRECTORY, child::kInRoot));
    if (!etc) return End::refused;
    const int result = child::look_up_account(etc.get(), "passwd", "group", "web", account);
    if (result < 0) return End::refused;
    if (account.uid == 33) return End::place;
    return account.uid == 77 ? End::namesake : End::lost;
  }

  // A tmpfs that is mounted in scratch, and moved to its place in the rootfs.
  int place(const std::string& name) {
    const int scratch = context_.scratch_fd;
    for (const std::string& dir : {name.substr(0, name.find('/')), name})
      require(::mkdirat(scratch, dir.c_str(), 0755) == 0 || errno == EEXIST, "a place in scratch");
    require(::fchdir(scratch) == 0, "scratch");
    ChildOp op = on(name.c_str());
    op.source = "tmpfs";
    op.data = "size=4k,mode=755";
    require(child::mount_fs(context_, op) == 0, "a tmpfs");
    const int result = child::place(context_, op);
    if (result < 0) require(::umount2(name.c_str(), MNT_DETACH) == 0, "unmounting");
    require(::unlinkat(scratch, name.c_str(), AT_REMOVEDIR) == 0, "a place in scratch");
    require(::fchdir(context_.root_fd) == 0, "the rootfs");
    return result;
  }

  // -- How it came out ----------------------------------------------------------------------
  // In a place where names may be made; RaceTree::clear() knows them.
  std::string fresh_name(const std::string& place) const { return place + made_; }

  static ChildOp on(const char* target) {
    ChildOp op;
    op.target = target;
    return op;
  }

  End bind(const char* target, const std::string& source) {
    ChildOp op = on(target);
    op.source = source.c_str();
    // A container of root's gets a descriptor, an ordinary user's a path.
    if (is_root_) op.fd = child::clone_tree(AT_FDCWD, op.source, 0);
    return mounted(child::bind(context_, op), 1);
  }

  End provide(const char* target) {
    ChildOp op = on(made_.c_str());
    op.data = "x";
    op.data_bytes = 1;
    require(child::scratch_file(context_, op) == 0, "a file in scratch");
    op = on(target);
    op.source = made_.c_str();
    const int result = child::provide(context_, op);
    if (result == 0 && whole(End::place) == End::place && fresh().empty()) return End::refused;
    return mounted(result, 1);
  }

  // What this attempt has mounted, by id.
  const Mounts& fresh() {
    if (fresh_) return *fresh_;
    fresh_ = mounts_seen(proc_.get());
    std::erase_if(*fresh_, [&](const auto& one) { return known_.contains(one.first); });
    for (const auto& [id, mount] : *fresh_)
      known_.insert(id);
    return *fresh_;
  }

  // `end`, unless something has been mounted outside of the rootfs.
  End whole(End end) {
    const Mounts& now = fresh();
    for (const auto& [id, mount] : now)
      if (mount.parent != own_ && now.find(mount.parent) == now.end()) return End::lost;
    return end;
  }

  // `count` mounts must have been made, inside.
  End mounted(int result, std::size_t count) {
    if (result < 0) return whole(End::refused);
    const Mounts& now = fresh();
    if (now.size() != count || whole(End::place) == End::lost) return End::lost;
    for (const auto& [id, mount] : now)
      if (mount.place.find("/canary/") != std::string::npos) return End::namesake;
    return End::place;
  }

  End opened(int fd, const char* name) {
    const std::uint64_t inode = inode_of(fd, "");
    if (mount_of(fd) != own_) return End::lost;
    if (inode == inode_of(tree_.place().get(), name)) return End::place;
    return inode == inode_of(tree_.namesake().get(), name) ? End::namesake : End::lost;
  }

  const RaceTree& tree_;
  bool is_root_;
  ChildContext setting_;
  ChildContext context_;
  UniqueFd proc_; // which will be covered
  int nodes_ = -1;
  std::string source_, source_file_;
  std::uint64_t own_ = 0;         // the mount of the rootfs
  std::set<std::uint64_t> known_; // mounts that were there before
  std::optional<Mounts> fresh_;
  std::uint64_t rounds_ = 0;
  std::string made_;
};

const std::vector<Victim::Kind> Victim::kKinds = {
    {{"a volume on a directory", true}, &Victim::bind_directory},
    {{"a volume on a directory that is made", true}, &Victim::bind_new_directory},
    {{"a volume on a file", true}, &Victim::bind_file},
    {{"a volume on a file that is made", true}, &Victim::bind_new_file},
    {{"a tmpfs", true}, &Victim::tmpfs},
    {{"a device node", true}, &Victim::device_node},
    {{"/etc/resolv.conf", true}, &Victim::provide_file},
    {{"a masked file", true}, &Victim::mask_file},
    {{"a masked directory", true}, &Victim::mask_directory},
    {{"a read-only path", true}, &Victim::read_only},
    {{"the working directory", true}, &Victim::workdir},
    {{"a directory that moves away", false, true}, &Victim::moved_directory},
    {{"/etc/passwd", true}, &Victim::accounts},
    {{"a mount point of ours", false}, &Victim::mount_point},
    {{"a mount point that is made", false}, &Victim::new_mount_point},
    {{"/dev and a node in it", false}, &Victim::fill_dev},
};

// Namespaces of its own, and for an ordinary user the only rights that he can have in them.
void enter_namespaces(RaceUser user) {
  if (user == RaceUser::ordinary) {
    require(::setgroups(0, nullptr) == 0 &&
                ::setresgid(kOrdinaryUid, kOrdinaryUid, kOrdinaryUid) == 0 &&
                ::setresuid(kOrdinaryUid, kOrdinaryUid, kOrdinaryUid) == 0 &&
                ::prctl(PR_SET_DUMPABLE, 1) == 0,
            "becoming an ordinary user");
    require(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "a user namespace");
    const auto write = [](const char* file, const std::string& text) {
      const UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
      require(::write(fd.get(), text.data(), text.size()) > 0, file);
    };
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", "0 " + std::to_string(kOrdinaryUid) + " 1");
    write("/proc/self/gid_map", "0 " + std::to_string(kOrdinaryUid) + " 1");
  } else {
    require(::unshare(CLONE_NEWNS) == 0, "a mount namespace");
  }
  require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
}

using Counts = std::vector<std::array<SharedCount, 4>>;

// Mounts go with the process: to detach them one by one takes the kernel longer than all else.
constexpr std::uint64_t kRounds = 32;

// `run` in a process of namespaces; its text is what went wrong with it.
std::string with_victim(const RaceTree& tree, RaceUser user,
                        const std::function<void(Victim&)>& run) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) std::abort();
  const pid_t pid = ::fork();
  if (pid < 0) std::abort();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      enter_namespaces(user);
      Victim victim(tree, user);
      run(victim);
    } catch (const std::exception& error) {
      (void)!::write(pipe[1], error.what(), std::strlen(error.what()));
    }
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string failure;
  char text[512];
  for (ssize_t got = 0; (got = ::read(pipe[0], text, sizeof text)) > 0;)
    failure.append(text, static_cast<std::size_t>(got));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) failure += "the victim ended with " + std::to_string(status);
  return failure;
}

} // namespace

std::vector<RaceAttempt> race_attempts() {
  std::vector<RaceAttempt> attempts;
  for (const Victim::Kind& kind : Victim::kKinds)
    attempts.push_back(kind.about);
  return attempts;
}

RaceResult race(const RaceTree& tree, RaceUser user, std::uint64_t tries) {
  const Counts counts(Victim::kKinds.size());
  RaceResult result;
  for (std::uint64_t from = 0; from < tries && result.failure.empty(); from += kRounds) {
    result.failure = with_victim(tree, user, [&](Victim& victim) {
      for (std::uint64_t i = from; i < std::min(from + kRounds, tries); ++i) {
        const std::size_t kind = i % counts.size();
        ++*counts[kind][static_cast<std::size_t>(victim.attempt(kind))];
      }
    });
    tree.clear();
  }
  for (const std::array<SharedCount, 4>& count : counts) {
    Tally& tally = result.tallies.emplace_back();
    for (std::size_t i = 0; i < tally.size(); ++i)
      tally[i] = *count[i];
  }
  return result;
}

int enter_dev_that_was_swapped(const RaceTree& tree, RaceUser user) {
  const SharedCount error;
  const SharedCount turn; // 1: swap; 2: done
  const auto wait_for = [&](std::uint64_t value) {
    while (*turn != value)
      ::sched_yield();
  };
  const pid_t other = ::fork();
  if (other < 0) std::abort();
  if (other == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    wait_for(1);
    tree.swap("dev", "loose-dev");
    *turn = 2;
    ::_exit(0);
  }
  const std::string failure = with_victim(tree, user, [&](Victim& victim) {
    *error = static_cast<std::uint64_t>(-victim.enter_swapped_dev([&] {
      *turn = 1;
      wait_for(2);
    }));
  });
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  if (!failure.empty()) throw std::runtime_error(failure);
  return -static_cast<int>(*error);
}

CarelessResult race_carelessly(const RaceTree& tree, std::uint64_t tries) {
  CarelessResult result;
  const std::string work = tree.root() + "/work";
  const std::string real = work + "/real";
  const std::uint64_t canary = inode_of(AT_FDCWD, (tree.canary() + "/real").c_str());
  const UniqueFd root(::open(tree.root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  while (result.tries < tries && (result.looked_and_lost == 0 || result.unbounded_and_lost == 0 ||
                                  result.moved_and_lost == 0)) {
    ++result.tries;
    struct stat status = {};
    if (::lstat(work.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
      const UniqueFd fd(::open(real.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (fd && inode_of(fd.get(), "") == canary) ++result.looked_and_lost;
    }
    const UniqueFd fd(child::make_directories(root.get(), "work/real", 0));
    if (fd && inode_of(fd.get(), "") == canary) ++result.unbounded_and_lost;
    const UniqueFd moved(child::make_directories(root.get(), kMovedAway.c_str(), 0));
    if (moved && inode_of(moved.get(), "") == canary) ++result.moved_and_lost;
  }
  return result;
}

} // namespace layerbox::test
