#include "runner/cgroups.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/cgroup_end.hpp"
#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "runner/cgroup_v1.hpp"
#include "runner/cgroup_v2.hpp"
#include "runner/device_program.hpp"

namespace layerbox {
namespace {

constexpr mode_t kMode = 0755;

// Whether the nearest directory above `path` that is there is one of a cgroup file system.
bool lies_in_cgroup_file_system(std::string path) {
  struct statfs status {};
  while (::statfs(path.c_str(), &status) != 0 && errno == ENOENT && path.rfind('/') > 0)
    path.resize(path.rfind('/'));
  return status.f_type == CGROUP_SUPER_MAGIC || status.f_type == CGROUP2_SUPER_MAGIC;
}

std::string way_out(const CgroupDir& dir, int error) {
  switch (error) {
  case EROFS:
    return "this cgroup file system is read-only; layerbox may be inside a container that was "
           "given no cgroup to write to";
  case EACCES:
  case EPERM:
    return dir.version == CgroupVersion::v2
               ? "limits need root, or a cgroup of this user's own: 'systemd-run --user --scope -p "
                 "Delegate=yes layerbox run …'"
               : fmt::format("limits need root, or a cgroup that root gives away: 'mkdir {0}/NAME; "
                             "chown -R USER {0}/NAME', then --cgroup-parent",
                             printable(dir.parent));
  case ENOENT:
    if (!lies_in_cgroup_file_system(dir.parent))
      return "no cgroup file system is to be seen there: something else is mounted over it, or a "
             "container around layerbox was given none";
    return fmt::format("there is no cgroup '{0}': 'mkdir {0}' makes it", printable(dir.parent));
  default:
    return "";
  }
}

[[noreturn]] void refuse(const CgroupDir& dir, std::string_view what, int error) {
  Error failure(
      kind_of_errno(error),
      fmt::format("{} in the cgroup '{}': {}", what, printable(dir.parent), errno_text(error)),
      error);
  failure.set_hint(way_out(dir, error));
  throw failure;
}

std::string purpose_of(const CgroupDir& dir) {
  return dir.writes.empty() ? "making a directory" : "setting " + dir.writes.front().purpose;
}

UniqueFd open_parent(const CgroupDir& dir) {
  const UniqueFd top = open_path("/", O_PATH | O_DIRECTORY);
  try {
    return open_beneath(top, RelPath::parse(dir.parent), O_RDONLY | O_DIRECTORY);
  } catch (const Error& error) {
    refuse(dir, purpose_of(dir), error.error_number());
  }
}

// One write(2): the kernel takes a value whole or not at all. 0 or errno.
int write_whole(FdRef dir, const std::string& file, std::string_view text) {
  const UniqueFd fd(::openat(dir.get(), file.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return errno;
  return ::write(fd.get(), text.data(), text.size()) < 0 ? errno : 0;
}

void enable_controllers(const CgroupDir& dir, FdRef parent) {
  if (dir.enable.empty()) return;
  const std::string text = fmt::format("+{}", fmt::join(dir.enable, " +"));
  if (const int error = write_whole(parent, "cgroup.subtree_control", text))
    refuse(dir, fmt::format("handing down the controllers {}", fmt::join(dir.enable, ", ")), error);
}

[[noreturn]] void refuse_limit(const CgroupDir& dir, const CgroupWrite& write, int error) {
  Error failure(error == ENOENT ? ErrorKind::unsupported : kind_of_errno(error),
                fmt::format("setting {} to {}: writing '{}' in the cgroup '{}': {}", write.purpose,
                            printable(write.text), write.file, printable(dir.parent),
                            error == ENOENT ? "this kernel has no such file" : errno_text(error)),
                error);
  if (error == ENOENT && write.file.find("sw") != std::string::npos)
    failure.set_hint("swap is counted with CONFIG_SWAP and 'swapaccount=1' on the kernel's command "
                     "line");
  else if (error == ENOENT && write.controller == "hugetlb")
    failure.set_hint("/sys/kernel/mm/hugepages has a directory for each size of pages there is");
  else if (error == EPERM && write.controller == "devices")
    failure.set_hint("only root may set a list of devices, and none that allows more than that of "
                     "the cgroup above");
  else if (write.controller == "cpuset")
    failure.set_hint("the set must lie within that of the cgroup above");
  else if (error == ENODEV)
    failure.set_hint("the rate belongs to a whole disk, not to a partition of it");
  else
    failure.set_hint(error == ENOENT ? "" : way_out(dir, error));
  throw failure;
}

// The program stays for as long as the cgroup does.
void attach_devices(const CgroupDir& dir, FdRef own) {
  if (dir.devices.empty()) return;
  const std::vector<bpf_insn> program = device_program(dir.devices);
  union bpf_attr load {};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<std::uintptr_t>(program.data());
  load.insn_cnt = static_cast<__u32>(program.size());
  load.license = reinterpret_cast<std::uintptr_t>("");
  const UniqueFd loaded(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
  const int load_error = loaded ? 0 : errno;
  union bpf_attr attach {};
  attach.target_fd = static_cast<__u32>(own.get());
  attach.attach_bpf_fd = static_cast<__u32>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI; // a list of the cgroup above holds, too
  if (loaded && ::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) == 0) return;
  const int error = loaded ? errno : load_error;
  Error failure(kind_of_errno(error),
                fmt::format("setting the list of devices in the cgroup '{}': {}",
                            printable(dir.parent), errno_text(error)),
                error);
  failure.set_hint(error == EPERM ? "only root may set a list of devices"
                                  : "the kernel needs CONFIG_CGROUP_BPF for a list of devices");
  throw failure;
}

std::string read_all_of(FdRef fd) {
  std::array<char, 8192> text{};
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), 0);
  return got < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(got));
}

UniqueFd try_open_file(FdRef dir, const char* name) {
  return UniqueFd(::openat(dir.get(), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
}

} // namespace

Cgroups Cgroups::make(const std::vector<CgroupDir>& dirs) {
  Cgroups made = begin(dirs);
  made.complete(dirs);
  return made;
}

Cgroups Cgroups::begin(const std::vector<CgroupDir>& dirs) {
  Cgroups begun; // ends what is there when one cannot be made
  if (!dirs.empty() && dirs.front().version == CgroupVersion::v2) begun.add(dirs.front());
  return begun;
}

void Cgroups::complete(const std::vector<CgroupDir>& dirs) {
  while (paths_.size() < dirs.size())
    add(dirs[paths_.size()]);
  if (!dirs.empty()) fault_point("runner.cgroups.made");
}

std::vector<CgroupDir> find_cgroups(const std::vector<std::string>& paths) {
  std::vector<CgroupDir> found;
  for (const std::string& path : paths) {
    struct statfs status {};
    if (::statfs(path.c_str(), &status) != 0)
      throw_errno(errno, fmt::format("looking at the cgroup '{}'", printable(path)));
    const std::size_t slash = path.rfind('/');
    found.push_back(
        {.version = status.f_type == CGROUP2_SUPER_MAGIC ? CgroupVersion::v2 : CgroupVersion::v1,
         .parent = path.substr(0, slash),
         .name = path.substr(slash + 1)});
  }
  return found;
}

Cgroups Cgroups::open(const std::vector<CgroupDir>& dirs) {
  Cgroups there;
  for (const CgroupDir& dir : dirs) {
    UniqueFd own = open_beneath(open_parent(dir), RelPath::parse(dir.name), O_RDONLY | O_DIRECTORY);
    const bool unified = dir.version == CgroupVersion::v2;
    there.entrances_.push_back(unified ? UniqueFd()
                                       : open_beneath(own, RelPath::parse("tasks"), O_WRONLY));
    if (unified) there.birthplace_ = std::move(own);
  }
  return there;
}

void Cgroups::add(const CgroupDir& dir) {
  const UniqueFd parent = open_parent(dir);
  enable_controllers(dir, parent);
  fault_point("runner.cgroups.before_directory");
  if (::mkdirat(parent.get(), dir.name.c_str(), kMode) != 0) {
    const int error = errno;
    refuse(dir, purpose_of(dir), error);
  }
  name_ = dir.name;
  paths_.push_back(dir.path());
  fault_point("runner.cgroups.before_limits");
  UniqueFd own = open_beneath(parent, RelPath::parse(dir.name), O_RDONLY | O_DIRECTORY);
  for (const CgroupWrite& write : dir.writes) {
    const int error = write_whole(own, write.file, write.text);
    if (error != 0 && !(error == ENOENT && write.may_be_absent)) refuse_limit(dir, write, error);
  }
  attach_devices(dir, own);
  if (dir.version == CgroupVersion::v2) {
    oom_v2_ = try_open_file(own, "memory.events");
    birthplace_ = std::move(own);
    entrances_.emplace_back();
    return;
  }
  if (!oom_v1_) oom_v1_ = try_open_file(own, "memory.oom_control");
  entrances_.push_back(open_beneath(own, RelPath::parse("tasks"), O_WRONLY));
}

Cgroups::Cgroups(Cgroups&& other) noexcept
    : name_(std::move(other.name_)), paths_(std::exchange(other.paths_, {})),
      birthplace_(std::move(other.birthplace_)), entrances_(std::move(other.entrances_)),
      oom_v1_(std::move(other.oom_v1_)), oom_v2_(std::move(other.oom_v2_)) {}

Cgroups::~Cgroups() {
  try {
    end();
  } catch (const Error&) {
    // The container's state names them: the next command's sweep tries again.
  }
}

void Cgroups::move_in(pid_t pid) const {
  if (!birthplace_) return;
  if (const int error = write_whole(birthplace_, "cgroup.procs", std::to_string(pid)))
    throw_errno(error, fmt::format("moving the container's process into the cgroup '{}'", name_));
}

std::uint64_t Cgroups::oom_kills() const {
  std::uint64_t kills = 0;
  if (oom_v1_) kills += v1_oom_kills(read_all_of(oom_v1_));
  if (oom_v2_) kills += v2_oom_kills(read_all_of(oom_v2_));
  return kills;
}

void Cgroups::end() {
  if (paths_.empty()) return;
  const std::vector<std::string> paths = std::exchange(paths_, {}); // tried once
  fault_point("runner.cgroups.before_end");
  entrances_.clear();
  birthplace_.reset();
  oom_v1_.reset();
  oom_v2_.reset();
  end_cgroups(paths, name_);
}

} // namespace layerbox
