#include "tests/layers/backend/in_mount.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/stream.hpp"
#include "base/unique_fd.hpp"

namespace layerbox::test {

namespace {

constexpr std::size_t kMaxAnswerBytes = 64U << 20;

void check(int result, const std::string& what) {
  if (result < 0) throw_errno(errno, what);
}

void set_option(FdRef context, const std::string& option) {
  const std::size_t equals = option.find('=');
  if (equals == std::string::npos) {
    check(::fsconfig(context.get(), FSCONFIG_SET_FLAG, option.c_str(), nullptr, 0), option);
    return;
  }
  check(::fsconfig(context.get(), FSCONFIG_SET_STRING, option.substr(0, equals).c_str(),
                   option.c_str() + equals + 1, 0),
        option);
}

void mount_overlay(const MountPlan& plan) {
  const UniqueFd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  check(context.get(), "fsopen overlay");
  for (const std::string& lower : plan.lower)
    set_option(context, "lowerdir+=" + lower);
  if (!plan.upper.empty()) {
    set_option(context, "upperdir=" + plan.upper);
    set_option(context, "workdir=" + plan.work);
  }
  for (const std::string& option : plan.options)
    set_option(context, option);
  check(::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "creating overlay");
  const UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  check(mount.get(), "fsmount");
  check(::move_mount(mount.get(), "", AT_FDCWD, plan.attach.c_str(), MOVE_MOUNT_F_EMPTY_PATH),
        "move_mount to " + plan.attach);
}

std::string mount_plan(const MountPlan& plan) {
  check(::unshare(CLONE_NEWNS), "unshare");
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making mounts private");
  check(::chdir(plan.anchor.c_str()), plan.anchor);
  if (plan.kind == RootfsKind::directory) return plan.anchor + "/" + plan.directory;
  mount_overlay(plan);
  return plan.anchor + "/" + plan.attach;
}

} // namespace

std::string in_mount(const MountPlan& plan,
                     const std::function<std::string(const std::string&)>& work) {
  int pipe_fds[2];
  check(::pipe2(pipe_fds, O_CLOEXEC), "pipe");
  UniqueFd reading(pipe_fds[0]);
  UniqueFd writing(pipe_fds[1]);
  const pid_t child = ::fork();
  check(child, "fork");
  if (child == 0) {
    int status = 0;
    std::string answer;
    try {
      answer = work(mount_plan(plan));
    } catch (const std::exception& error) {
      answer = error.what();
      status = 1;
    }
    try {
      write_all(writing, std::as_bytes(std::span(answer)), "pipe");
    } catch (const std::exception&) {
      status = 2;
    }
    ::_exit(status);
  }
  writing.reset();
  FdSource source(reading, "pipe");
  const std::string answer = read_all(source, kMaxAnswerBytes, "the child's answer");
  int status = 0;
  check(::waitpid(child, &status, 0), "waitpid");
  if (status != 0) throw Error(ErrorKind::system, "in the mounted rootfs: " + answer);
  return answer;
}

} // namespace layerbox::test
