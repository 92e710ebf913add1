#include "cli/detach.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/stream.hpp"
#include "cli/error_report.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxResultBytes = 4096;

int status_of_child(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw_errno(errno, "waiting for the detached process");
  return exit_code::of_wait_status(status);
}

} // namespace

void Detached::begun(std::string_view result) {
  if (!report_) return;
  const std::string line = std::string(result) + '\n';
  // Who waited may be gone by now: the work goes on.
  (void)!::write(report_.get(), line.data(), line.size());
  report_.reset();
}

int run_detached(int status_of_failure, const std::function<int(Detached&)>& work) {
  Pipe report = make_pipe();
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno(errno, "making the detached process");
  if (pid == 0) {
    report.read.reset();
    (void)::setsid();
    Detached detached(std::move(report.write));
    ::_exit(guarded(status_of_failure, [&] { return work(detached); }));
  }
  report.write.reset();
  FdSource source(report.read, "the detached process");
  const std::string result = read_all(source, kMaxResultBytes, "the detached process");
  if (result.empty()) return status_of_child(pid);
  if (result != "\n") print(result);
  return exit_code::kDone;
}

} // namespace layerbox
