// Landlock rules in real containers: what they let through works, what they do not name is out of
// reach by every way that an attacker knows; and each attack is tried without the rules as well, so
// that it is the rules that stop it.
#include <gmock/gmock.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "base/landlock_abi.hpp"
#include "runner/host_facts.hpp"
#include "tests/runner/both_users.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::uint8_t kReadExecute = kLandlockRead | kLandlockExecute;
constexpr std::uint8_t kReadWrite = kLandlockRead | kLandlockWrite;
constexpr std::uint8_t kAll = kReadWrite | kLandlockExecute;

std::string why_no_landlock() {
  const LandlockFact fact = probe_landlock();
  if (fact.version >= kLandlockScopeVersion) return "";
  return fact.version > 0 ? "this kernel has version " + std::to_string(fact.version) : fact.reason;
}

// A rootfs with a place for each right, and one that no rule names.
class RunLandlock : public BothUsers {
 protected:
  void SetUp() override {
    BothUsers::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAYERBOX_NEEDS("landlock", why_no_landlock());
    rootfs.write("secret/file", "secret\n", 0666);
    rootfs.write("secret/program", "#!/bin/sh\necho ran\n", 0755);
    rootfs.write("shown/file", "shown\n", 0666);
    rootfs.write("work/file", "work\n", 0666);
    for (const char* name : {"secret", "shown", "work"})
      ::chmod(rootfs.at(name).c_str(), 0777);
    hand_over();
  }
  // What the other tests' containers may do: programs run, two places show, one takes writes.
  static LandlockSpec usual() {
    LandlockSpec rules;
    rules.paths = {{kReadExecute, "/bin"},
                   {kLandlockRead, "/proc"},
                   {kLandlockRead, "/shown"},
                   {kReadWrite, "/work"}};
    return rules;
  }
  RunSpec held(std::vector<std::string> words, LandlockSpec rules = usual()) const {
    RunSpec made = BothUsers::attack_spec(std::move(words));
    made.landlock = std::move(rules);
    return made;
  }
  std::string attack(std::vector<std::string> words, LandlockSpec rules = usual()) const {
    return go(held(std::move(words), std::move(rules))).out;
  }
  // Without a rule.
  std::string unheld(std::vector<std::string> words) { return attack(std::move(words), {}); }
  std::string content(std::string_view name) const { return rootfs.read(name); }
};

TEST_P(RunLandlock, GivesWhatItNamesAndNothingElse) {
  RunSpec made = shell_spec(rootfs, "cat /shown/file; echo more >> /work/file; cat /work/file; "
                                    "ls /shown; mkdir /work/d; mv /work/file /work/d/g; "
                                    "rm -r /work/d; ls /work; "
                                    "for f in /etc/passwd /secret/file /dev/zero; do "
                                    "head -c 1 $f || echo no; done; ls / || echo no; "
                                    "(echo x > /shown/new) || echo no; "
                                    "(echo x > /dev/null) || echo no; rm /secret/file || echo no");
  made.landlock = usual();
  const Result result = go(made);
  EXPECT_EQ(result.out, "shown\nwork\nmore\nfile\nno\nno\nno\nno\nno\nno\nno\n")
      << result.failure << result.err;
  EXPECT_EQ(content("secret/file"), "secret\n");
}

TEST_P(RunLandlock, TheTopReadOnlyLeavesAllToBeReadAndExecuted) {
  RunSpec made = shell_spec(rootfs, "cat /secret/file; /secret/program; ls /dev | grep -c null; "
                                    "touch /work/new || echo no; echo x > /tmp/f && cat /tmp/f");
  made.landlock.paths = {{kReadExecute, "/"}, {kReadWrite, "/tmp"}};
  const Result result = go(made);
  EXPECT_EQ(result.out, "secret\nran\n1\nno\nx\n") << result.failure << result.err;
  EXPECT_EQ(content("secret/file"), "secret\n");
}

TEST_P(RunLandlock, WhatCanBeWrittenNeedNotBeExecuted) {
  RunSpec made = shell_spec(rootfs, "cat /bin/attack > /work/a; chmod 755 /work/a; "
                                    "/work/a inet || echo no");
  made.landlock = usual();
  EXPECT_EQ(go(made).out, "no\n");
  made.landlock.paths.push_back({kLandlockExecute, "/work"});
  EXPECT_EQ(go(made).out, "done\n");
}

TEST_P(RunLandlock, NoOtherNameLeadsToWhatIsShut) {
  rootfs.link("/secret/file", "shown/link");
  rootfs.link("/secret", "work/dir");
  rootfs.link("/proc/self/root/secret", "work/root");
  const std::vector<std::vector<std::string>> ways = {{"read", "/secret/file"},
                                                      {"read", "/shown/link"},
                                                      {"read", "/work/dir/file"},
                                                      {"read", "/work/root/file"},
                                                      {"read", "/shown/../secret/file"},
                                                      {"read", "/proc/self/root/secret/file"},
                                                      {"read", "/proc/1/root/secret/file"},
                                                      {"read", "/proc/self/cwd/secret/file"},
                                                      {"path-fd", "/secret", "file"},
                                                      {"list", "/secret"},
                                                      {"exec", "/secret/program"},
                                                      {"truncate", "/secret/file"},
                                                      {"read-truncated", "/secret/file"},
                                                      {"make", "/secret/new"},
                                                      {"unlink", "/secret/file"}};
  for (const std::vector<std::string>& way : ways) {
    EXPECT_EQ(attack(way), "EACCES\n") << way[0] << ' ' << way[1];
    EXPECT_EQ(content("secret/file"), "secret\n") << way[0];
  }
  for (const std::size_t i : {0U, 1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U})
    EXPECT_EQ(unheld(ways[i]), "done\n") << ways[i][0] << ' ' << ways[i][1];
}

TEST_P(RunLandlock, AWorkingDirectoryThatIsShutIsNoWayIn) {
  RunSpec made = held({"read", "file"});
  made.process.cwd = "/secret";
  EXPECT_EQ(go(made).out, "EACCES\n");
}

TEST_P(RunLandlock, NothingComesOutByALinkOrARename) {
  EXPECT_THAT(attack({"link", "/secret/file", "/work/got"}), testing::AnyOf("EACCES\n", "EXDEV\n"));
  EXPECT_THAT(attack({"rename", "/secret/file", "/work/got"}), "EACCES\n");
  EXPECT_THAT(attack({"exchange", "/secret/file", "/work/file"}), "EACCES\n");
  EXPECT_THAT(attack({"rename", "/secret", "/work/got"}), "EACCES\n");
  // What would gain a right where it goes stays where it is.
  LandlockSpec rules = usual();
  rules.paths.push_back({kAll, "/shown"});
  EXPECT_EQ(attack({"rename", "/work/file", "/shown/work"}, rules), "EXDEV\n");
  EXPECT_EQ(attack({"link", "/work/file", "/shown/work"}, rules), "EXDEV\n");
  EXPECT_EQ(attack({"rename", "/shown/file", "/work/shown"}, rules), "done\n");
  EXPECT_EQ(content("secret/file"), "secret\n");
  EXPECT_EQ(unheld({"link", "/secret/file", "/work/got"}), "done\n");
}

TEST_P(RunLandlock, NoMountBringsWhatIsShutToWhereItIsNot) {
  RunSpec made = held({"bind-mount", "/secret", "/work"});
  made.process.capabilities.emplace_back("CAP_SYS_ADMIN");
  EXPECT_EQ(go(made).out, "EPERM\n");
  made.landlock = {};
  EXPECT_EQ(go(made).out, "done\n");
}

TEST_P(RunLandlock, HoldsForChildrenAndIsNotUndoneByAnotherRuleset) {
  RunSpec made = shell_spec(rootfs, "sh -c 'sh -c \"attack read /secret/file\"'; "
                                    "attack confine-itself; attack read /secret/file");
  made.landlock = usual();
  EXPECT_EQ(go(made).out, "EACCES\nEACCES\nEACCES\n");
}

TEST_P(RunLandlock, LetsProgramsInsideConfineThemselves) {
  EXPECT_EQ(unheld({"confine-itself"}), "EACCES\n"); // what is then executed
}

TEST_P(RunLandlock, ARuleMayBeForAFile) {
  LandlockSpec rules = usual();
  rules.paths.push_back({kAll, "/secret/file"});
  EXPECT_EQ(attack({"read", "/secret/file"}, rules), "done\n");
  EXPECT_EQ(attack({"truncate", "/secret/file"}, rules), "done\n");
  EXPECT_EQ(attack({"read", "/secret/program"}, rules), "EACCES\n");
  EXPECT_EQ(attack({"unlink", "/secret/file"}, rules), "EACCES\n");
}

TEST_P(RunLandlock, NamesAPathThatIsNotThere) {
  RunSpec made = spec(rootfs, {"true"});
  made.landlock.paths = {{kReadExecute, "/bin"}, {kLandlockRead, "/no/such"}};
  const Result result = go(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_EQ(result.failure, "the Landlock rule 'r:/no/such': No such file or directory");
  EXPECT_THAT(result.hint, HasSubstr("inside"));
}

TEST_P(RunLandlock, ResolvesPathsInside) {
  rootfs.link("/../../../../../secret", "out");
  rootfs.link("/proc/self/root", "magic");
  LandlockSpec rules = usual();
  rules.paths.push_back({kLandlockRead, "/out"});
  EXPECT_EQ(attack({"read", "/secret/file"}, rules), "done\n");
  rules = usual();
  rules.paths.push_back({kLandlockRead, "/magic/secret"});
  const Result result = go(held({"read", "/secret/file"}, rules));
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("'r:/magic/secret': Too many levels of symbolic links"));
}

TEST_P(RunLandlock, SaysWhyTheCommandIsNotExecuted) {
  RunSpec made = spec(rootfs, {"true"});
  made.landlock.paths = {{kLandlockRead, "/"}};
  const Result result = go(made);
  EXPECT_EQ(result.status, 126);
  EXPECT_THAT(result.failure, HasSubstr("executing 'true': /bin/true is not executable"));
  EXPECT_THAT(result.hint, HasSubstr("landlock=ro:/"));
}

TEST_P(RunLandlock, StandsWithoutAFilterAndWithoutNewPrivileges) {
  for (const bool no_new_privileges : {false, true}) {
    RunSpec made = held({"read", "/secret/file"});
    made.seccomp.mode = SeccompMode::unconfined;
    made.process.no_new_privileges = no_new_privileges;
    EXPECT_EQ(go(made).out, "EACCES\n");
  }
  RunSpec made = shell_spec(rootfs, "grep -E 'CapEff|NoNewPrivs' /proc/self/status | cut -f2");
  made.landlock = usual();
  made.seccomp.mode = SeccompMode::unconfined;
  EXPECT_EQ(go(made).out, "00000000a80425fb\n0\n") << "what installing takes is not kept";
}

TEST_P(RunLandlock, HoldsAProgramThatGainsRightsByItsMode) {
  if (is_single()) return; // has one id
  fs::copy_file(LAYERBOX_ATTACK, rootfs.at("bin/climb"));
  ::chmod(rootfs.at("bin/climb").c_str(), 04755);
  RunSpec made = shell_spec(rootfs, "climb euid; climb read /secret/file");
  made.landlock = usual();
  made.process.user.text = "web";
  EXPECT_EQ(go(made).out, "0\nEACCES\n");
}

// Nobody listens: ECONNREFUSED is a connection that was tried, EACCES one that was not.
TEST_P(RunLandlock, HoldsTcpByPort) {
  LandlockSpec rules;
  rules.connect_ports = {443};
  EXPECT_EQ(attack({"connect", "443"}, rules), "ECONNREFUSED\n");
  EXPECT_EQ(attack({"connect", "80"}, rules), "EACCES\n");
  EXPECT_EQ(attack({"bind", "80"}, rules), "done\n"); // of which there is no rule
  rules = {};
  rules.bind_ports = {8080, 0};
  EXPECT_EQ(attack({"bind", "8080"}, rules), "done\n");
  EXPECT_EQ(attack({"bind", "0"}, rules), "done\n");
  EXPECT_EQ(attack({"bind", "8081"}, rules), "EACCES\n");
  EXPECT_EQ(attack({"connect", "80"}, rules), "ECONNREFUSED\n");
  EXPECT_EQ(attack({"read", "/secret/file"}, rules), "done\n");
}

// The kernel asks Landlock in neither of these; they are shut by a filter of ours.
TEST_P(RunLandlock, HoldsTcpThatCallsItselfSomethingElse) {
  LandlockSpec rules;
  rules.connect_ports = {443};
  rules.bind_ports = {8080};
  for (const SeccompMode mode : {SeccompMode::standard, SeccompMode::unconfined}) {
    const auto outcome = [&](std::vector<std::string> words) {
      RunSpec made = held(std::move(words), rules);
      made.seccomp.mode = mode;
      return go(made).out;
    };
    for (const char* how : {"sendto", "sendmsg", "sendmmsg"})
      EXPECT_EQ(outcome({"fast-open", "80", how}), "EOPNOTSUPP\n") << how;
    EXPECT_EQ(outcome({"connect-mptcp", "80"}), "EPROTONOSUPPORT\n");
    EXPECT_EQ(outcome({"bind-mptcp", "8081"}), "EPROTONOSUPPORT\n");
    EXPECT_EQ(outcome({"io_uring"}), "EPERM\n");
    EXPECT_EQ(outcome({"packets"}), "EAFNOSUPPORT\n");
    EXPECT_EQ(outcome({"connect", "443"}), "ECONNREFUSED\n");
  }
  for (const char* how : {"sendto", "sendmsg", "sendmmsg"})
    EXPECT_EQ(unheld({"fast-open", "80", how}), "ECONNREFUSED\n") << how;
}

TEST_P(RunLandlock, LetsNoSignalOut) {
  LandlockSpec rules;
  rules.scoped = true;
  EXPECT_EQ(attack({"kill", "1"}, rules), "EPERM\n"); // the init, which is not held
  EXPECT_EQ(unheld({"kill", "1"}), "done\n");
  RunSpec made = shell_spec(rootfs, "sleep 100 & kill $! && wait $!; echo $?");
  made.landlock = rules;
  EXPECT_EQ(go(made).out, "143\n"); // its own
}

TEST_P(RunLandlock, LetsNobodyReachAnAbstractSocketOfTheHost) {
  const std::string name = "layerbox-" + random_token();
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length =
      static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + 1 + name.size());
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<struct sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 5), 0);
  RunSpec made = held({"abstract", name}, {});
  made.network = NetworkMode::host;
  EXPECT_EQ(go(made).out, "done\n");
  made.landlock.scoped = true;
  EXPECT_EQ(go(made).out, "EPERM\n");
}

#ifdef LAYERBOX_FAULTS
TEST_P(RunLandlock, EndsTheRunWhereTheKernelCannotHoldARule) {
  struct Case {
    const char* version;
    LandlockSpec rules;
    const char* failure;
    const char* hint;
  };
  LandlockSpec files = usual(), tcp, scope;
  tcp.connect_ports = {443};
  scope.scoped = true;
  for (const Case& one :
       {Case{"-1", files, "this kernel has none", "other walls"},
        Case{"0", scope, "it is switched off in this kernel", "lsm="},
        Case{"2", files, "rules for files need version 3 of Landlock (Linux 6.2)", "other walls"},
        Case{"3", tcp, "rules for TCP ports need version 4 of Landlock (Linux 6.7)", "other"},
        Case{"5", scope, "need version 6 of Landlock (Linux 6.12), and this kernel has 5", ""}}) {
    RunSpec made = shell_spec(rootfs, "echo ran");
    made.landlock = one.rules;
    const Result result =
        go(made, {.before = [&] { ::setenv("LAYERBOX_FAULT_LANDLOCK", one.version, 1); }});
    EXPECT_EQ(result.status, 125) << one.version;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.failure, HasSubstr(one.failure));
    EXPECT_THAT(result.hint, HasSubstr(one.hint));
  }
}

// A kernel of version 3 is given what it knows.
TEST_P(RunLandlock, HoldsFilesOnAKernelThatKnowsLess) {
  const Result result = go(held({"truncate", "/secret/file"}),
                           {.before = [] { ::setenv("LAYERBOX_FAULT_LANDLOCK", "3", 1); }});
  EXPECT_EQ(result.out, "EACCES\n") << result.failure;
}
#endif

INSTANTIATE_TEST_SUITE_P(Users, RunLandlock, ::testing::Values(Who::root, Who::single),
                         name_of_who);

} // namespace
} // namespace layerbox::test
