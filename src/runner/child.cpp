#include "runner/child.hpp"

#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_beside.hpp"
#include "runner/child_calls.hpp"

namespace layerbox {
namespace child {
namespace {

constexpr int kSetupFailed = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;
constexpr int kKilled = 128; // and more: the signal

// A switch, not a table: a table of function pointers is relocated at every start.
int perform(ChildContext& context, const ChildOp& op) noexcept {
  switch (op.act) {
  case Act::private_mounts:
    return private_mounts(context, op);
  case Act::oom_score:
    return oom_score(context, op);
  case Act::join_cgroup:
    return join_cgroup(context, op);
  case Act::join_namespace:
    return join_namespace(context, op);
  case Act::take_sys:
    return take_sys(context, op);
  case Act::take_shm:
    return take_shm(context, op);
  case Act::be_born:
    return be_born(context, op);
  case Act::shift_time:
    return shift_time(context, op);
  case Act::take_proc:
    return take_proc(context, op);
  case Act::hide_cgroups:
    return hide_cgroups(context, op);
  case Act::hostname:
    return hostname(context, op);
  case Act::loopback:
    return loopback(context, op);
  case Act::wait_go:
    return wait_go(context, op);
  case Act::become_root:
    return become_root(context, op);
  case Act::scratch:
    return scratch(context, op);
  case Act::place:
    return place(context, op);
  case Act::hang:
    return hang(context, op);
  case Act::attach_clone:
    return attach_clone(context, op);
  case Act::clone_tree:
    return clone_anchor(context, op);
  case Act::mount_below:
    return mount_below(context, op);
  case Act::writable_part:
    return writable_part(context, op);
  case Act::overlay:
    return overlay(context, op);
  case Act::open_fuse:
    return open_fuse(context, op);
  case Act::fuse_overlay:
    return fuse_overlay(context, op);
  case Act::mount_fs:
    return mount_fs(context, op);
  case Act::mount_sys:
    return mount_sys(context, op);
  case Act::enter:
    return enter(context, op);
  case Act::leave:
    return leave(context, op);
  case Act::device:
    return device(context, op);
  case Act::symlink:
    return symlink(context, op);
  case Act::mount_here:
    return mount_here(context, op);
  case Act::host_tree:
    return host_tree(context, op);
  case Act::terminal:
    return terminal(context, op);
  case Act::notify_socket:
    return notify_socket(context, op);
  case Act::bind:
    return bind(context, op);
  case Act::tmpfs:
    return tmpfs(context, op);
  case Act::overlay_volume:
    return overlay_volume(context, op);
  case Act::device_node:
    return device_node(context, op);
  case Act::scratch_file:
    return scratch_file(context, op);
  case Act::provide:
    return provide(context, op);
  case Act::mask:
    return mask(context, op);
  case Act::read_only:
    return read_only(context, op);
  case Act::workdir:
    return workdir(context, op);
  case Act::root_read_only:
    return root_read_only(context, op);
  case Act::pivot:
    return pivot(context, op);
  case Act::enter_workdir:
    return enter_workdir(context, op);
  case Act::open_terminal:
    return open_terminal(context, op);
  case Act::limit_caps:
    return limit_caps(context, op);
  case Act::become_user:
    return become_user(context, op);
  case Act::stdio:
    return stdio(context, op);
  case Act::follow_parent:
    return follow_parent(context, op);
  case Act::fork_init:
    return fork_init(context, op);
  case Act::session:
    return session(context, op);
  case Act::tell_pid:
    return tell_pid(context, op);
  case Act::default_signals:
    return default_signals(context, op);
  case Act::settle:
    return settle(context, op);
  case Act::find_command:
    return find_command(context, op);
  case Act::landlock_rules:
    return landlock_rules(context, op);
  case Act::landlock_path:
    return landlock_path(context, op);
  case Act::landlock_port:
    return landlock_port(context, op);
  case Act::landlock:
    return landlock(context, op);
  case Act::limit:
    return limit(context, op);
  case Act::no_new_privileges:
    return no_new_privileges(context, op);
  case Act::seccomp:
    return seccomp(context, op);
  case Act::exec:
    return exec(context, op);
  }
  return -EINVAL;
}

int status_of(const ChildContext& context) noexcept {
  if (context.report.detail == ChildDetail::command_not_found) return kNotFound;
  if (context.report.detail >= ChildDetail::command_not_executable) return kNotExecutable;
  return kSetupFailed;
}

} // namespace

void explain(ChildContext& context, ChildDetail detail, const char* text) noexcept {
  ChildReport& report = context.report;
  if (report.detail != ChildDetail::none) return;
  report.detail = detail;
  std::size_t i = 0;
  for (; text[i] != '\0' && i + 1 < ChildReport::kTextBytes; ++i)
    report.text[i] = text[i];
  report.text[i] = '\0';
}

void fail(ChildContext& context, int error, int status) noexcept {
  context.report.error = error;
  // At most PIPE_BUF bytes: written whole or, when nobody listens any more, not at all.
  (void)call(SYS_write, context.report_fd, &context.report, sizeof context.report);
  (void)call(SYS_exit_group, status);
  __builtin_trap(); // a filter that refuses even to end: the signal of an invalid instruction does
}

} // namespace child

namespace {

void perform(ChildContext& context, std::size_t number) noexcept {
  context.report.step = context.first_step + static_cast<std::uint32_t>(number);
  const ChildOp& op = context.ops[number];
  const int result = child::perform(context, op);
  if (result >= 0) return;
  if ((op.flags & kOptional) == 0) child::fail(context, -result, child::status_of(context));
  context.report.detail = ChildDetail::none;
}

// From `first` to before `last`. Comes back when there is no exec among the ops.
void perform_range(ChildContext& context, std::size_t first, std::size_t last) noexcept {
  for (std::size_t i = first; i < last; ++i)
    perform(context, i);
}

// The first from `first` on that is such a one, or the end.
std::size_t find_act(const ChildContext& context, Act act, std::size_t first) noexcept {
  while (first < context.op_count && context.ops[first].act != act)
    ++first;
  return first;
}

// The next program of an embryo, after it has done what `context` says.
HatchMessage receive_next(ChildContext& context, child::Patience patience) noexcept {
  HatchMessage program;
  context.report.step = kNoStep;
  if (const int result = child::receive_program(context.go_fd, program, patience); result < 0)
    child::fail(context, -result, child::kSetupFailed);
  const int scratch = context.scratch_fd;
  const int root = context.root_fd;
  context = *program.context;
  context.scratch_fd = scratch;
  context.root_fd = root;
  return program;
}

// The kernel's own trees, which nothing depends on until there is a rootfs to put them in.
class Trees {
 public:
  // By the steps of a program from `first` to before `last`, in a process beside this one, if there
  // is one to be had, and it is of use.
  Trees(const ChildContext& program, std::size_t first, std::size_t last,
        bool has_processors) noexcept
      : context_(program), first_(first), last_(last),
        beside_(has_processors ? child::begin_beside(&Trees::run, this) : -1) {
    if (beside_ < 0) perform_range(context_, first_, last_);
  }
  Trees(const Trees&) = delete;
  Trees& operator=(const Trees&) = delete;

  bool are_beside() const noexcept { return beside_ >= 0; }
  void send_away() const noexcept { child::send_away(beside_); }

  // Until scratch has its place: what is perched later lies on top, and nothing may lie on a
  // rootfs.
  void await_scratch() noexcept {
    while (beside_ >= 0 && !__atomic_load_n(&has_scratch_, __ATOMIC_ACQUIRE)) {
      if (child::has_ended(beside_)) return give(context_);
      (void)child::call(SYS_sched_yield);
    }
  }

  // When they are there they are the program's.
  void give(ChildContext& program) noexcept {
    if (beside_ >= 0) require_made(program);
    beside_ = -1;
    program.scratch_fd = context_.scratch_fd;
    if (program.root_fd < 0) program.root_fd = context_.root_fd; // there is no rootfs yet
  }

 private:
  void require_made(ChildContext& program) const noexcept {
    const int failed = child::await_beside(beside_);
    if (failed == 0) return;
    if (failed < child::kKilled) (void)child::call(SYS_exit_group, failed); // it has told why
    program.report.step = kNoStep; // killed: who has made us begins again
    child::fail(program, EINTR, child::kSetupFailed);
  }

  static void run(void* trees) noexcept {
    auto& self = *static_cast<Trees*>(trees);
    perform(self.context_, self.first_);
    __atomic_store_n(&self.has_scratch_, true, __ATOMIC_RELEASE);
    perform_range(self.context_, self.first_ + 1, self.last_);
    for (;;)
      (void)child::call(SYS_exit_group, 0);
  }

  ChildContext context_;
  std::size_t first_, last_; // the first is scratch
  bool has_scratch_ = false;
  int beside_;
};

// Whether it needs nothing of what is made beside it.
bool is_of_rootfs(Act act) noexcept {
  return act == Act::attach_clone || act == Act::clone_tree || act == Act::overlay;
}

} // namespace

void run_child(const ChildContext& program) noexcept {
  ChildContext context = program; // whoever is made of this process later has one of its own
  if (context.launcher_go_fd >= 0) child::close_fd(context.launcher_go_fd);
  perform_range(context, 0, context.op_count);
  child::fail(context, EINVAL, child::kSetupFailed); // a plan without exec
}

void run_embryo(const EmbryoContext& embryo) noexcept {
  child::close_fd(embryo.launcher_go_fd);
  if (embryo.lock_fd >= 0) child::close_fd(embryo.lock_fd);
  ChildContext context;
  context.go_fd = embryo.go_fd;
  context.report_fd = embryo.report_fd;
  context.report.step = kNoStep;
  if (const int result = child::make_network(); result < 0)
    child::fail(context, -result, child::kSetupFailed);
  const HatchMessage beginning = receive_next(context, child::Patience::some);
  const std::size_t first = find_act(context, Act::scratch, 0);
  const std::size_t last = find_act(context, Act::limit_caps, first);
  perform_range(context, 0, first);
  Trees trees(context, first, last, embryo.has_processors);
  perform_range(context, last, context.op_count);
  if (trees.are_beside()) {
    // Either this process goes on at once, and the other one elsewhere, or that has this place, and
    // the launcher calls this one to its own.
    if (child::has_message(context.go_fd))
      trees.send_away();
    else
      __atomic_store_n(beginning.sleeps, true, __ATOMIC_RELEASE);
  }
  (void)receive_next(context, trees.are_beside() ? child::Patience::none : child::Patience::some);
  trees.await_scratch();
  std::size_t next = 0;
  while (next < context.op_count && is_of_rootfs(context.ops[next].act))
    perform(context, next++);
  trees.give(context);
  perform_range(context, next, context.op_count);
  child::fail(context, EINVAL, child::kSetupFailed); // a plan without exec
}

} // namespace layerbox
