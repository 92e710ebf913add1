#include "store/container_lease.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>

#include "store/container_state.hpp"
#include "store/process_identity.hpp"
#include "tests/store/child_process.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;

class ContainerLeaseTest : public StoreTest {
 protected:
  Store store_ = open();

  static ContainerState full_state() {
    ContainerState state;
    state.id = new_container_id();
    state.name = "web";
    state.keep = Keep::kept;
    state.image = digest_of("image");
    state.image_name = "debian:12";
    state.layers = {key_of("a"), {key_of("b").diff_id, digest_of("chain")}};
    state.backend = "overlay";
    state.command = {"sh", "-c", "echo \"\n\""};
    state.labels = {{"job", ""}, {"env", "prod=\"x\""}};
    state.created = 1'700'000'000;
    state.created_ns = 999'999'999;
    state.finished = 1'700'000'001;
    state.exit_status = 137;
    state.pid = 42;
    state.pid_start_time = ~std::uint64_t{0};
    state.pid_namespace = 4'026'531'836;
    state.oom_killed = true;
    state.id_map = {{{0, 1879048192, 65536}}, {{0, 900, 1}, {1, 950, 3}}};
    state.cgroups = {"/sys/fs/cgroup/memory/layerbox-" + state.id};
    state.volumes = {"cache", "data"};
    state.stop_signal = 37;
    state.stop_timeout_s = 90;
    return state;
  }

  // The state of a container whose first process is `pid`.
  static ContainerState state_of(pid_t pid, Keep keep = Keep::throw_away) {
    ContainerState state;
    state.id = new_container_id();
    state.keep = keep;
    state.pid = pid;
    state.pid_start_time = process_facts(pid)->start_time;
    state.pid_namespace = pid_namespace_of(pid).value();
    return state;
  }

  // A child that holds the lease of a container until it is killed.
  Child holder(const ContainerState& state, Signal& held) const {
    return Child([this, &state, &held] {
      const Store store = open();
      const ContainerLease lease = ContainerLease::create(store, state);
      held.give();
      ::pause();
      return 0;
    });
  }
};

Child sleeper() {
  return Child([] {
    ::pause();
    return 0;
  });
}

bool lives(pid_t pid) {
  const auto facts = process_facts(pid);
  return facts && facts->state != 'Z';
}

TEST_F(ContainerLeaseTest, MakesIdsOf64RandomHexDigits) {
  const std::string id = new_container_id();
  EXPECT_TRUE(is_container_id(id)) << id;
  EXPECT_NE(id, new_container_id());
}

TEST_F(ContainerLeaseTest, GivesTheStateBackAsItWasWritten) {
  const ContainerState state = full_state();
  EXPECT_EQ(container_state_text(parse_container_state(container_state_text(state))),
            container_state_text(state));
  { (void)ContainerLease::create(store_, state); }
  const auto lease = ContainerLease::try_take(store_, state.id);
  ASSERT_TRUE(lease);
  EXPECT_EQ(container_state_text(lease->state()), container_state_text(state));
  EXPECT_EQ(lease->state().layers, state.layers);
  EXPECT_EQ(lease->state().id_map, state.id_map);
  EXPECT_EQ(lease->state().command, state.command);
  EXPECT_EQ(lease->state().labels, state.labels);
  EXPECT_EQ(lease->state().created_ns, state.created_ns);
}

TEST_F(ContainerLeaseTest, KeepsHowAContainerIsStopped) {
  ContainerState state = full_state();
  ContainerState read = parse_container_state(container_state_text(state));
  EXPECT_EQ(read.stop_signal, 37);
  EXPECT_EQ(read.stop_timeout_s, 90U);
  state.stop_timeout_s.reset();
  read = parse_container_state(container_state_text(state));
  EXPECT_EQ(read.stop_timeout_s, std::nullopt);
}

TEST_F(ContainerLeaseTest, ReadsStatesFromBeforeThereWereLimits) {
  std::string text = container_state_text(full_state());
  for (const std::string field : {"oom_killed", "cgroups", "volumes", "id_map", "stop_signal",
                                  "stop_timeout_s", "labels", "created_ns"}) {
    const std::size_t at = text.find(field);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, 1, "_");
  }
  const ContainerState state = parse_container_state(text);
  EXPECT_FALSE(state.oom_killed);
  EXPECT_TRUE(state.cgroups.empty());
  EXPECT_TRUE(state.volumes.empty());
  EXPECT_TRUE(state.labels.empty());
  EXPECT_EQ(state.created_ns, 0U);
  EXPECT_EQ(state.id_map, IdMap());
  EXPECT_EQ(state.stop_signal, 15);
  EXPECT_EQ(state.stop_timeout_s, 10U);
}

TEST_F(ContainerLeaseTest, ShowsACommandThatIsNoText) {
  ContainerState state = full_state();
  state.command = {"caf\xe9"};
  EXPECT_EQ(parse_container_state(container_state_text(state)).command.at(0), "caf\xEF\xBF\xBD");
}

TEST_F(ContainerLeaseTest, RefusesAStateThatIsDamaged) {
  for (const char* text : {"", "{", "{}", "[]", R"({"id":"../../etc"})"})
    EXPECT_EQ(error_of([&] { (void)parse_container_state(text); }).kind(), ErrorKind::corrupt);
  std::string text = container_state_text(full_state());
  text.replace(text.find("overlay"), 1, "\x80");
  EXPECT_EQ(error_of([&] { (void)parse_container_state(text); }).kind(), ErrorKind::corrupt);
}

TEST_F(ContainerLeaseTest, RefusesAnIdThatIsNone) {
  ContainerState state;
  state.id = "../../etc";
  EXPECT_EQ(error_of([&] { (void)ContainerLease::create(store_, state); }).kind(),
            ErrorKind::invalid_argument);
  EXPECT_EQ(error_of([&] { (void)ContainerLease::try_take(store_, "../x"); }).kind(),
            ErrorKind::invalid_argument);
  EXPECT_EQ(error_of([&] { (void)ContainerLease::try_take(store_, new_container_id()); }).kind(),
            ErrorKind::not_found);
}

TEST_F(ContainerLeaseTest, BelongsToOneProcessUntilThatIsKilled) {
  const ContainerState state = full_state();
  Signal held;
  Child child = holder(state, held);
  held.await();
  EXPECT_FALSE(ContainerLease::try_take(store_, state.id));
  const auto listed = list_containers(store_);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_TRUE(listed[0].held);
  EXPECT_FALSE(listed[0].running) << "no process 42 of that start time lives";
  child.kill_and_wait();
  EXPECT_FALSE(list_containers(store_).at(0).held);
  EXPECT_TRUE(ContainerLease::try_take(store_, state.id));
}

TEST_F(ContainerLeaseTest, RunsWhileItIsHeldAndItsFirstProcessLives) {
  Child process = sleeper();
  const ContainerState state = state_of(process.pid());
  Signal held;
  Child child = holder(state, held);
  held.await();
  EXPECT_TRUE(list_containers(store_).at(0).running);
  process.kill_and_wait();
  EXPECT_FALSE(list_containers(store_).at(0).running);
  EXPECT_TRUE(list_containers(store_).at(0).held);
}

TEST_F(ContainerLeaseTest, ListsContainersByTheTimeOfTheirMakingAndPassesOverHalfMadeOnes) {
  ContainerState first;
  first.created = 1;
  ContainerState second;
  second.created = 2;
  const ContainerLease b = ContainerLease::create(store_, second);
  const ContainerLease a = ContainerLease::create(store_, first);
  std::filesystem::create_directory(at("containers/" + new_container_id()));
  std::filesystem::create_directory(at("containers/other"));
  const std::string empty = at("containers/" + new_container_id());
  std::filesystem::create_directory(empty);
  write_file(empty + "/lease", "");
  const auto listed = list_containers(store_);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].state.id, a.state().id);
  EXPECT_EQ(listed[1].state.id, b.state().id);
}

TEST_F(ContainerLeaseTest, NeverShowsAStateThatIsHalfRewritten) {
  ContainerState state;
  state.id = new_container_id();
  Signal held;
  Child writer([&] {
    const Store store = open();
    ContainerLease lease = ContainerLease::create(store, state);
    held.give();
    for (std::size_t i = 0;; ++i) {
      state.command = {std::string(i % 2 == 0 ? 3'000 : 3, 'x')};
      lease.update(state);
    }
    return 0;
  });
  held.await();
  for (int i = 0; i < 500; ++i)
    ASSERT_EQ(list_containers(store_).size(), 1U) << i;
}

TEST_F(ContainerLeaseTest, CanBeTakenWhileOthersLookAtIt) {
  const ContainerState state = full_state();
  { (void)ContainerLease::create(store_, state); }
  Child looker([&] {
    const Store store = open();
    for (;;)
      (void)list_containers(store);
    return 0;
  });
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(ContainerLease::try_take(store_, state.id)) << i;
}

TEST_F(ContainerLeaseTest, EndsTheProcessThatOutlivedItsHolder) {
  Child process = sleeper();
  kill_leftover(state_of(process.pid()));
  EXPECT_FALSE(lives(process.pid()));
  EXPECT_EQ(process.wait(), 128 + SIGKILL);
}

TEST_F(ContainerLeaseTest, NeverKillsAProcessThatOnlyHasTheSameNumber) {
  Child process = sleeper();
  ContainerState other_start = state_of(process.pid());
  ++other_start.pid_start_time;
  kill_leftover(other_start);
  ContainerState other_namespace = state_of(process.pid());
  ++other_namespace.pid_namespace;
  kill_leftover(other_namespace);
  EXPECT_TRUE(lives(process.pid()));
  ContainerState gone = state_of(process.pid());
  process.kill_and_wait();
  kill_leftover(gone);
  kill_leftover(ContainerState{});
}

TEST_F(ContainerLeaseTest, OpensTheNamespacesOfTheProcessItsStateNamesAndOfNoOther) {
  Child process = sleeper();
  const ContainerState state = state_of(process.pid());
  const UniqueFd fd = open_namespace(state, "net");
  struct stat opened = {};
  struct stat own = {};
  ASSERT_EQ(::fstat(fd.get(), &opened), 0);
  ASSERT_EQ(::stat("/proc/self/ns/net", &own), 0);
  EXPECT_EQ(opened.st_ino, own.st_ino);
  ContainerState other_start = state;
  ++other_start.pid_start_time;
  EXPECT_THROW(open_namespace(other_start, "net"), Error);
  ContainerState other_namespace = state;
  ++other_namespace.pid_namespace;
  EXPECT_THROW(open_namespace(other_namespace, "net"), Error);
  process.kill_and_wait();
  EXPECT_THROW(open_namespace(state, "net"), Error);
  EXPECT_THROW(open_namespace(ContainerState{}, "net"), Error);
}

TEST_F(ContainerLeaseTest, EndsAllProcessesOfThePidNamespaceWithTheFirst) {
  std::array<int, 2> pids{};
  std::array<int, 2> alive{};
  ASSERT_EQ(::pipe2(pids.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(alive.data(), O_CLOEXEC), 0);
  Child outer([&] {
    if (::unshare(CLONE_NEWPID) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) return 77;
    const pid_t init = ::fork();
    if (init == 0) {
      if (::fork() == 0) ::pause(); // holds the pipe `alive` open as long as it lives
      ::pause();
    }
    if (::write(pids[1], &init, sizeof init) != sizeof init) return 1;
    ::pause();
    return 0;
  });
  ::close(pids[1]);
  ::close(alive[1]);
  pid_t init = 0;
  const bool made = ::read(pids[0], &init, sizeof init) == sizeof init;
  if (!made) LAYERBOX_SKIP("userns", "a pid namespace could not be made");
  EXPECT_NE(pid_namespace_of(init), pid_namespace_of(::getpid()));
  kill_leftover(state_of(init));
  outer.kill_and_wait();
  char byte = 0;
  EXPECT_EQ(::read(alive[0], &byte, 1), 0) << "no process holds the pipe any more";
  ::close(alive[0]);
  ::close(pids[0]);
}

// From here on this process dies of a call that makes something durable.
void forbid_syncs() {
  constexpr auto kNumber = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
  std::array<sock_filter, 7> rules = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fdatasync, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_syncfs, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sync, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  }};
  const sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    throw_errno(errno, "install the filter");
}

TEST_F(ContainerLeaseTest, SyncsNothingOnTheWayToAThrowAwayContainer) {
  store_.catalog().publish_image(new_image("config", {"a"}, {"debian:12"}));
  const auto run = [&](Keep keep) {
    return Child([&] {
             forbid_syncs();
             Store store = open();
             const RangeLock gate = store.gate(LockMode::shared);
             ContainerState state;
             state.keep = keep;
             state.image = store.catalog().resolve_image("debian:12");
             state.layers = store.catalog().image(*state.image)->layers;
             ContainerLease lease = ContainerLease::create(store, state);
             state = lease.state();
             state.pid = 1;
             lease.update(state);
             return 0;
           })
        .wait();
  };
  EXPECT_EQ(run(Keep::throw_away), 0);
  EXPECT_EQ(run(Keep::kept), 128 + SIGSYS) << "a kept container is durable";
}

} // namespace
} // namespace layerbox::test
