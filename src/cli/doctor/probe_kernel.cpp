// The kernel and its calls. Source: openat2(2), clone(2) "clone3", fsopen(2), open_tree(2),
// mount_setattr(2), pidfd_open(2), close_range(2), seccomp(2) SECCOMP_GET_ACTION_AVAIL.
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "base/kernel_text.hpp"
#include "base/kernel_version.hpp"
#include "base/syscall_table.hpp"
#include "cli/doctor/probe.hpp"
#include "cli/doctor/trial.hpp"

namespace layerbox::doctor {
namespace {

// Calls that cannot do anything: the kernel refuses what they ask for, each in its own way. Only
// that the call is not there, or not let through, is of interest.
struct CallQuestion {
  const char* name;
  long number;
  std::array<long, 5> arguments;
};

constexpr std::array<CallQuestion, 11> kQuestions = {{
    {"openat2", SYS_openat2, {-1, 0, 0, 0}}, // a size of 0
    {"clone3", SYS_clone3, {0, 0}},          // the same
    {"fsopen", SYS_fsopen, {0, ~0U}},        // no such flag
    {"fsconfig", SYS_fsconfig, {-1, ~0U, 0, 0, 0}},
    {"fsmount", SYS_fsmount, {-1, 0, 0}},
    {"open_tree", SYS_open_tree, {-1, 0, ~0U}},
    {"move_mount", SYS_move_mount, {-1, 0, -1, 0, ~0U}},
    {"mount_setattr", SYS_mount_setattr, {-1, 0, 0, 0, 0}},
    {"pidfd_open", SYS_pidfd_open, {-1, 0}},
    {"pidfd_send_signal", SYS_pidfd_send_signal, {-1, 0, 0, 0}},
    {"close_range", SYS_close_range, {1, 0, 0}}, // from 1 to 0
}};

int answer(const CallQuestion& question) {
  const auto& a = question.arguments;
  if (::syscall(question.number, a[0], a[1], a[2], a[3], a[4]) >= 0) return 0;
  return errno == ENOSYS || errno == EPERM ? errno : 0;
}

// Memory that a child process writes its answers to.
class SharedAnswers {
 public:
  SharedAnswers()
      : memory_(
            ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  SharedAnswers(const SharedAnswers&) = delete;
  SharedAnswers& operator=(const SharedAnswers&) = delete;
  ~SharedAnswers() {
    if (*this) ::munmap(memory_, kBytes);
  }
  explicit operator bool() const { return memory_ != MAP_FAILED; }
  int& operator[](std::size_t index) { return static_cast<int*>(memory_)[index]; }

 private:
  static constexpr std::size_t kBytes = kQuestions.size() * sizeof(int);
  void* memory_;
};

// Some of them are for who may mount: asked by the root of a user namespace, with mounts of his
// own, where there can be one. Elsewhere EPERM says nothing.
std::vector<CallFact> ask_calls(FdRef user_namespace) {
  std::vector<CallFact> facts;
  SharedAnswers shared;
  const bool asked = shared && user_namespace.get() >= 0 &&
                     try_in_user_namespace(user_namespace, [&] {
                       check(::unshare(CLONE_NEWNS), "making a mount namespace");
                       for (std::size_t i = 0; i < kQuestions.size(); ++i)
                         shared[i] = answer(kQuestions[i]);
                     }).worked;
  for (std::size_t i = 0; i < kQuestions.size(); ++i) {
    const int error = asked ? shared[i] : answer(kQuestions[i]);
    facts.push_back({kQuestions[i].name, asked || error == ENOSYS ? error : 0});
  }
  return facts;
}

int ask_seccomp() {
  for (const std::uint32_t action :
       {SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS})
    if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0) return errno;
  return 0;
}

Selinux ask_selinux() {
  const auto enforcing = kernel_number("/sys/fs/selinux/enforce");
  if (!enforcing) return Selinux::absent;
  return *enforcing == 0 ? Selinux::permissive : Selinux::enforcing;
}

} // namespace

KernelFacts probe_kernel(FdRef user_namespace) {
  KernelFacts facts;
  facts.name = kernel_release();
  facts.version = kernel_version().value_or(KernelVersion{});
  facts.calls = ask_calls(user_namespace);
  facts.seccomp_error = ask_seccomp();
  facts.knows_our_calls = own_seccomp_arch().has_value();
  facts.landlock = probe_landlock();
  facts.selinux = ask_selinux();
  return facts;
}

} // namespace layerbox::doctor
