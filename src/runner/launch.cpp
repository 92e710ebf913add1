#include "runner/launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/userns_refusal.hpp"
#include "runner/child_program.hpp"
#include "runner/clone_sources.hpp"
#include "runner/launch_facts.hpp"
#include "runner/mount_peers.hpp"
#include "runner/notify_relay.hpp"
#include "runner/resource_limits.hpp"

namespace layerbox {
namespace {

void map_ids(const Plan& plan, const Identity& identity, pid_t pid) {
  if (plan.user_namespace >= 0) return; // it has its map
  with_context([] { return "mapping the container's ids"; },
               [&] { write_id_maps(pid, plan.id_map, identity); });
}

// Requires that the ids are mapped.
void map_clones(const Plan& plan, pid_t pid, const std::vector<UniqueFd>& clones) {
  const bool joined = plan.user_namespace >= 0;
  UniqueFd user_namespace;
  const bool any = std::any_of(plan.clones.begin(), plan.clones.end(),
                               [](const CloneSource& source) { return source.idmap; });
  if (any && !joined) {
    const std::string path = fmt::format("/proc/{}/ns/user", pid);
    user_namespace.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!user_namespace) throw_errno(errno, path);
  }
  adapt_clones(plan.clones, clones, joined ? FdRef(plan.user_namespace) : FdRef(user_namespace));
}

// A descriptor from the child; none when the child failed before.
UniqueFd receive_descriptor(FdRef socket) {
  char byte = 0;
  struct iovec payload = {&byte, 1};
  alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  struct msghdr message {};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do
    got = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got <= 0 || header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

// Whose ids are those on disk; nothing for root, where they are our own.
UniqueFd store_owner(const Identity& identity) {
  if (identity.privilege == Privilege::root) return {};
  return make_user_namespace(identity.store_map, identity);
}

bool is_readable(FdRef fd) {
  struct pollfd wanted = {fd.get(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) == 1;
}

// Blocks until the command has been executed, which closes the pipe, or the child has failed.
std::optional<ChildReport> read_report(FdRef pipe) {
  ChildReport report;
  ssize_t got = 0;
  do
    got = ::read(pipe.get(), &report, sizeof report);
  while (got < 0 && errno == EINTR);
  if (got < 0) throw_errno(errno, "reading the container's report");
  if (got != static_cast<ssize_t>(sizeof report)) return std::nullopt;
  report.text[ChildReport::kTextBytes - 1] = '\0';
  return report;
}

// A process, and what it is told and tells by.
struct Child {
  ChildProcess process;
  bool born_in = true; // in its cgroup
  UniqueFd go;
  UniqueFd report;
};

Child start(const Plan& plan, const Cgroups& cgroups, ChildContext& context) {
  Pipe go = make_socket_pair(SOCK_SEQPACKET);
  Pipe report = make_pipe();
  context.go_fd = go.read.get();
  context.launcher_go_fd = go.write.get();
  context.report_fd = report.write.get();
  bool born_in = false;
  ChildProcess process = start_child(plan, cgroups, context, born_in);
  return {std::move(process), born_in, std::move(go.write), std::move(report.read)};
}

// One that has died already says why in its report.
void tell_to_go(FdRef go) {
  const char byte = 'g';
  if (::send(go.get(), &byte, 1, MSG_NOSIGNAL) != 1 && errno != EPIPE && errno != ECONNRESET)
    throw_errno(errno, "telling the container's process to go on");
}

ChildReport ended_early() {
  ChildReport report;
  report.step = kNoStep;
  return report;
}

Launched launch_as(const Plan& plan, const Identity& identity, const Cgroups& cgroups,
                   const std::function<void(const Started&)>& started, TerminalSize size,
                   Embryo* embryo) {
  std::vector<UniqueFd> clones = open_clones(plan.clones, plan.id_map);
  Pipe birth;
  if (plan.second_birth) birth = make_pipe();
  Pipe terminal;
  if (plan.terminal) terminal = make_socket_pair(SOCK_STREAM);
  Pipe fuse;
  if (plan.served) fuse = make_socket_pair(SOCK_STREAM);
  UniqueFd notify;
  if (has_step(plan, Act::notify_socket)) notify = make_notify_socket();

  std::optional<ProgramMemory> memory;
  if (embryo == nullptr) memory.emplace();
  ChildProgram program(plan, clones, cgroups.entrances(),
                       embryo != nullptr ? embryo->memory() : *memory,
                       embryo != nullptr ? embryo->done() : 0);
  ChildContext& context = program.context();
  program.name_fd(context.birth_fd, birth.write);
  program.name_fd(context.terminal_socket, terminal.write);
  program.name_fd(context.fuse_socket, fuse.write);
  program.name_fd(context.notify_fd, notify);
  context.rows = size.rows;
  context.columns = size.columns;
  const int unknown = find_own_program(context.launcher);
  if (has_step(plan, Act::fork_init)) find_title(context);

  Child first = embryo != nullptr
                    ? Child{std::move(embryo->process()), true, {}, std::move(embryo->report())}
                    : start(plan, cgroups, context);
  birth.write.reset();
  std::optional<ChildProcess> second =
      plan.second_birth ? await_birth(birth.read, first.process) : std::nullopt;
  const bool is_born = second || !plan.second_birth;
  Launched box{{},
               second ? std::move(*second) : std::move(first.process),
               std::move(first.go),
               {},
               std::move(notify),
               {}};
  // Not earlier: in a chroot, where /proc is not there, that no namespaces are given says more.
  if (unknown != 0) throw_errno(unknown, "/proc/self/exe");
  Started told;
  try {
    if (!is_born) throw Error(ErrorKind::system, "the container's process was not made");
    if (!first.born_in) cgroups.move_in(box.process.pid());
    prepare_limits(box.process.pid(), plan);
    if (embryo == nullptr) map_ids(plan, identity, box.process.pid());
    map_clones(plan, box.process.pid(), clones);
    if (started) told = embryo != nullptr ? embryo->facts() : describe(plan, box.process.pid());
  } catch (const Error&) {
    // A child that failed before this is the cause, and knows why.
    if (!is_readable(first.report)) throw;
    box.report = read_report(first.report);
    if (!box.report) throw;
    return box;
  }
  if (started) started(told);
  if (embryo != nullptr) {
    const bool hatched = embryo->hatch(program);
    box.go = std::move(embryo->go());
    if (!hatched) {
      box.report = is_readable(first.report) ? read_report(first.report) : std::nullopt;
      if (!box.report) box.report = ended_early();
      return box;
    }
  } else {
    tell_to_go(box.go);
  }
  terminal.write.reset();
  fuse.write.reset();
  clones.clear(); // the child has its own; the mounts must end with the container
  if (plan.served)
    if (UniqueFd device = receive_descriptor(fuse.read))
      box.files =
          std::make_unique<FuseOverlayfs>(*plan.served, std::move(device), store_owner(identity));
  if (plan.terminal) box.terminal = receive_descriptor(terminal.read);
  box.report = read_report(first.report);
  return box;
}

} // namespace

Launched launch(const Plan& plan, const Identity& identity, const Cgroups& cgroups,
                const std::function<void(const Started&)>& started, TerminalSize size,
                std::unique_ptr<Embryo> embryo) {
  require_mount_peers(plan);
  if (embryo && embryo->fits(plan)) {
    Launched box = launch_as(plan, identity, cgroups, started, size, embryo.get());
    if (!box.report || box.report->step != kNoStep) return box;
  }
  embryo.reset();
  return launch_as(plan, identity, cgroups, started, size, nullptr);
}

} // namespace layerbox
