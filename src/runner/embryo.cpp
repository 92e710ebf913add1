#include "runner/embryo.hpp"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/quiet_thread.hpp"
#include "runner/child_beside.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kNeeded = CLONE_NEWUSER | CLONE_NEWNET;

// Whether becoming root inside leaves the process the user's own outside: the limits and the id
// maps of another one, an ordinary user cannot change any more.
bool keeps_owner(const IdMap& map, const Identity& identity) {
  if (identity.privilege == Privilege::root) return true;
  const auto has = [](const std::vector<IdRange>& ranges, std::uint32_t outside) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const IdRange& range) {
      return range.inside == 0 && range.outside == outside;
    });
  };
  return has(map.uids, ::geteuid()) && has(map.gids, ::getegid());
}

// One message. False when nobody is there.
bool send_program(FdRef socket, HatchMessage message, const std::vector<int>& fds) {
  struct iovec payload = {&message, sizeof message};
  alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxHatchFds)> control{};
  struct msghdr header {};
  header.msg_iov = &payload;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    auto* const rights = reinterpret_cast<struct cmsghdr*>(control.data()); // CMSG_FIRSTHDR
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  return ::sendmsg(socket.get(), &header, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof message);
}

// The processors that we may use, when there is a choice.
std::optional<cpu_set_t> own_processors() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2)
    return std::nullopt;
  return allowed;
}

// One that sleeps wakes up where it was, and there is the process that it has beside it by then;
// but we are about to sleep. It is to give itself the others back. False when it stays as it was.
bool call_here(pid_t pid) {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(static_cast<unsigned>(::sched_getcpu()), &here);
  return ::sched_setaffinity(pid, sizeof here, &here) == 0;
}

} // namespace

Embryo::Embryo(std::uint64_t namespaces, ProgramMemory memory, ChildProcess process, UniqueFd go,
               UniqueFd report, const EmbryoContext& childs)
    : namespaces_(namespaces), memory_(std::move(memory)), process_(std::move(process)),
      go_(std::move(go)), report_(std::move(report)), childs_go_(childs.go_fd),
      childs_report_(childs.report_fd) {}

std::unique_ptr<Embryo> Embryo::begin(std::uint64_t namespaces, const Cgroups& cgroups,
                                      FdRef lock) noexcept {
  if ((namespaces & kNeeded) != kNeeded) return nullptr;
  try {
    ProgramMemory memory;
    Pipe go = make_socket_pair(SOCK_SEQPACKET);
    Pipe report = make_pipe();
    const std::optional<cpu_set_t> processors = own_processors();
    const EmbryoContext context{go.read.get(), go.write.get(), report.write.get(),
                                processors.has_value(), lock.get()};
    const SignalsBlocked deaf; // what ends the launcher hangs up the socket
    bool born_in = false;
    ChildProcess process = make_child(namespaces & ~std::uint64_t{CLONE_NEWNET},
                                      cgroups.birthplace(), born_in, [&] { run_embryo(context); });
    if (cgroups.birthplace().get() >= 0 && !born_in) return nullptr;
    if (processors) child::send_away(process.pid());
    std::unique_ptr<Embryo> embryo(new Embryo(namespaces, std::move(memory), std::move(process),
                                              std::move(go.write), std::move(report.read),
                                              context));
    embryo->processors_ = processors;
    return embryo;
  } catch (const std::exception&) { // also of memory
    return nullptr;
  }
}

bool Embryo::settle(const Plan& beginning, const Identity& identity,
                    const Cgroups& cgroups) noexcept {
  if (beginning.namespaces != namespaces_ || beginning.second_birth ||
      beginning.cgroups.size() != cgroups.entrances().size() ||
      !keeps_owner(beginning.id_map, identity))
    return false;
  try {
    write_id_maps(process_.pid(), beginning.id_map, identity);
    facts_ = describe(beginning, process_.pid());
    ChildProgram program(beginning, {}, cgroups.entrances(), memory_);
    beginning_ = beginning;
    sleeps_ = &memory_.array<bool>(1).front();
    return tell(program, {.sleeps = sleeps_}, {});
  } catch (const std::exception&) { // it has failed, or who makes the next one is told why
    return false;
  }
}

bool Embryo::fits(const Plan& plan) const {
  const std::vector<Step>& told = beginning_.steps;
  return !told.empty() && plan.steps.size() > told.size() && plan.namespaces == namespaces_ &&
         plan.id_map == beginning_.id_map && plan.cgroups == beginning_.cgroups &&
         !plan.second_birth && std::equal(told.begin(), told.end(), plan.steps.begin());
}

bool Embryo::hatch(ChildProgram& program) {
  // These may be others by now: those of a container in the background.
  HatchMessage message{.has_streams = true};
  if (processors_ && __atomic_load_n(sleeps_, __ATOMIC_ACQUIRE) && call_here(facts_.pid)) {
    cpu_set_t& all = memory_.array<cpu_set_t>(1).front();
    all = *processors_;
    message.processors = &all;
    message.processors_bytes = sizeof all;
  }
  return tell(program, message, {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
}

// What the program names was opened after the process had begun.
bool Embryo::tell(ChildProgram& program, HatchMessage message, std::vector<int> fds) {
  ChildContext& context = program.context();
  context.go_fd = childs_go_;
  context.report_fd = childs_report_;
  context.is_embryo = true;
  message.context = &context;
  const std::span<ChildFdName> names = memory_.array<ChildFdName>(program.fd_names().size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const ChildProgram::FdName& name = program.fd_names()[i];
    const auto known = std::find(fds.begin(), fds.end(), name.fd);
    names[i] = {name.place, static_cast<std::uint32_t>(known - fds.begin())};
    if (known == fds.end()) fds.push_back(name.fd);
  }
  if (fds.size() > kMaxHatchFds) return false;
  message.names = names.data();
  message.name_count = names.size();
  message.fd_count = fds.size();
  return send_program(go_, message, fds);
}

} // namespace layerbox
