#include "tests/runner/race_tree.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;

void write(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

UniqueFd open_dir(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) std::abort();
  return fd;
}

// What is at each end of the ways out: the same names.
void make_ends(const std::string& top, const std::string& user) {
  fs::create_directories(top + "/real");
  fs::create_directories(top + "/own");
  write(top + "/real/file", "file\n");
  write(top + "/own/node", "");
  write(top + "/etc/resolv.conf", "nameserver\n");
  write(top + "/etc/passwd", user + ":/:/bin/sh\n");
  write(top + "/etc/group", "root:x:0:\n");
}

std::string line_of(const fs::path& path) {
  struct stat s = {};
  if (::lstat(path.c_str(), &s) != 0) return path.string() + " is gone\n";
  std::string line = path.string();
  for (const auto number :
       {static_cast<std::uint64_t>(s.st_ino), static_cast<std::uint64_t>(s.st_mode),
        static_cast<std::uint64_t>(s.st_uid), static_cast<std::uint64_t>(s.st_size),
        static_cast<std::uint64_t>(s.st_nlink), static_cast<std::uint64_t>(s.st_mtim.tv_sec),
        static_cast<std::uint64_t>(s.st_mtim.tv_nsec)})
    line += ' ' + std::to_string(number);
  return line + '\n';
}

} // namespace

RaceTree::RaceTree(uid_t owner) : temp_("layerbox-race-"), top_(temp_.path()) {
  ::chmod(top_.c_str(), 0755);
  const std::string out = "../../../../../../../../../.." + canary();
  const std::string inside = root() + canary();
  make_ends(canary(), "web:x:666:666:");
  make_ends(inside, "web:x:77:77:");
  make_ends(root() + "/work", "web:x:33:33:");
  make_ends(root(), "web:x:33:33:");
  fs::create_symlink(out, root() + "/away");
  fs::create_symlink(out + "/own", root() + "/own-away");
  fs::create_symlink(out + "/etc", root() + "/etc-away");
  fs::create_symlink("../" + out + "/etc/resolv.conf", root() + "/etc/resolv-away");
  fs::create_symlink("../" + out + "/etc/passwd", root() + "/etc/passwd-away");
  fs::create_directories(root() + "/dev");
  fs::create_directories(root() + "/loose-dev");
  fs::create_symlink("../" + out + "/own/node", root() + "/loose-dev/null-away");
  // "up" leads to the namesake from one place and to the canary from the other; the way there is
  // long enough to be overtaken on it.
  for (const std::string& deep : {root() + "/work2/deep", top_ + "/outside/deep"}) {
    fs::create_directories(deep + "/" + kLongWay);
    fs::create_symlink("../../../../../../../../../../canary", deep + "/" + kLongWay + "/up");
  }
  make_ends(root() + "/canary", "web:x:33:33:");
  write(top_ + "/source/marker", "source\n");
  fs::create_directories(top_ + "/nodes");
  write(top_ + "/nodes/0", "");
  for (const auto& entry : fs::recursive_directory_iterator(top_))
    if (::lchown(entry.path().c_str(), owner, owner) != 0) std::abort();

  root_ = open_dir(root());
  etc_ = open_dir(root() + "/etc");
  work_ = open_dir(root() + "/work/real");
  namesake_ = open_dir(inside + "/real");
  loose_dev_ = open_dir(root() + "/loose-dev");
  work2_ = open_dir(root() + "/work2");
  outside_ = open_dir(top_ + "/outside");
}

std::vector<Swap> RaceTree::swaps() const {
  return {{root_.get(), "work", root_.get(), "away"},
          {root_.get(), "own", root_.get(), "own-away"},
          {root_.get(), "etc", root_.get(), "etc-away"},
          {root_.get(), "dev", root_.get(), "loose-dev"},
          {etc_.get(), "resolv.conf", etc_.get(), "resolv-away"},
          {etc_.get(), "passwd", etc_.get(), "passwd-away"},
          {loose_dev_.get(), "null", loose_dev_.get(), "null-away"},
          {work2_.get(), "deep", outside_.get(), "deep"}};
}

void RaceTree::swap(const char* one, const char* two) const {
  if (::syscall(SYS_renameat2, root_.get(), one, root_.get(), two, RENAME_EXCHANGE) != 0)
    std::abort();
}

void RaceTree::clear() const {
  const std::string inside = root() + canary();
  for (const std::string& top : {root() + "/work", root() + "/away", inside, root()})
    for (const char* name : {"/real", "/own", "/own-away", "/canary/real"}) {
      std::error_code gone;
      if (fs::is_symlink(top) || fs::is_symlink(top + name)) continue;
      for (const auto& entry : fs::directory_iterator(top + name, gone))
        if (entry.path().filename().string().starts_with("new")) fs::remove(entry.path(), gone);
    }
  for (const char* name : {"null", "null-away"}) {
    struct stat status = {};
    if (::fstatat(loose_dev_.get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode))
      ::unlinkat(loose_dev_.get(), name, 0);
  }
}

std::string RaceTree::canary_text() const {
  std::set<fs::path> paths = {canary()};
  for (const auto& entry : fs::recursive_directory_iterator(canary()))
    paths.insert(entry.path());
  std::string text;
  for (const fs::path& path : paths)
    text += line_of(path);
  return text;
}

SharedCount::SharedCount() {
  void* const page =
      ::mmap(nullptr, sizeof *value_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) std::abort();
  value_ = new (page) std::atomic<std::uint64_t>(0);
}

SharedCount::~SharedCount() {
  ::munmap(value_, sizeof *value_);
}

Racer::Racer(const RaceTree& tree, unsigned seed) {
  const std::vector<Swap> swaps = tree.swaps();
  pid_ = ::fork();
  if (pid_ < 0) std::abort();
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::minstd_rand random(seed);
  for (;;) {
    const Swap& swap = swaps[random() % swaps.size()];
    // A name that is not there at the moment is somebody else's business.
    if (::syscall(SYS_renameat2, swap.one_dir, swap.one, swap.two_dir, swap.two, RENAME_EXCHANGE) ==
        0)
      ++*count_;
    // Of different lengths, so that no step of the other side is always met by the same.
    for (volatile std::uint64_t wait = random() % 2000; wait > 0;)
      wait = wait - 1;
  }
}

Racer::~Racer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

} // namespace layerbox::test
