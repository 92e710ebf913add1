// docker's profile format, read.
#include "cli/seccomp_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/capability.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/seccomp_bpf.hpp"
#include "tests/runner/bpf_interpreter.hpp"

namespace layerbox {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kForbidden = SECCOMP_RET_ERRNO | EPERM;

SeccompFileFacts facts(std::uint64_t capabilities = 0) {
  return {SeccompArch::x86_64, capabilities, 6, 1};
}

// What the profile says of a call by name.
std::uint32_t verdict(const std::string& json, std::string_view name,
                      std::vector<std::uint64_t> args = {},
                      const SeccompFileFacts& about = facts()) {
  const auto program = seccomp_program(parse_seccomp_file(json, "p.json", about));
  seccomp_data data = {};
  data.nr = static_cast<int>(*find_call(about.arch, name));
  data.arch = about.arch == SeccompArch::x86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
  for (std::size_t i = 0; i < args.size(); ++i)
    data.args[i] = args[i];
  return test::run_filter(program, data);
}

std::string with_rules(const std::string& rules) {
  return R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)" + rules +
         R"(, {"names": ["removexattrat"], "action": "SCMP_ACT_ALLOW"}]})";
}

std::string refusal(const std::string& json) {
  try {
    parse_seccomp_file(json, "p.json", facts());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(SeccompFile, ReadsNamesAndActions) {
  const std::string json = with_rules(R"(
      {"names": ["read", "no_such_call"], "action": "SCMP_ACT_ALLOW"},
      {"name": "write", "action": "SCMP_ACT_ALLOW", "args": null, "comment": "", "includes": {}},
      {"names": ["mount"], "action": "SCMP_ACT_KILL_PROCESS"},
      {"names": ["umount2"], "action": "SCMP_ACT_KILL"},
      {"names": ["ptrace"], "action": "SCMP_ACT_TRACE", "errnoRet": 7},
      {"names": ["bpf"], "action": "SCMP_ACT_LOG"},
      {"names": ["keyctl"], "action": "SCMP_ACT_TRAP"},
      {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38})");
  EXPECT_EQ(verdict(json, "read"), kAllow);
  EXPECT_EQ(verdict(json, "write"), kAllow);
  EXPECT_EQ(verdict(json, "open"), kForbidden);
  EXPECT_EQ(verdict(json, "mount"), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(verdict(json, "umount2"), SECCOMP_RET_KILL_THREAD);
  EXPECT_EQ(verdict(json, "ptrace"), SECCOMP_RET_TRACE | 7U);
  EXPECT_EQ(verdict(json, "bpf"), SECCOMP_RET_LOG);
  EXPECT_EQ(verdict(json, "keyctl"), SECCOMP_RET_TRAP);
  EXPECT_EQ(verdict(json, "clone3"), SECCOMP_RET_ERRNO | 38U);
}

TEST(SeccompFile, ComparesArguments) {
  const auto rule = [](const char* op) {
    return with_rules(std::string(R"({"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args":
        [{"index": 0, "value": 16, "valueTwo": 0, "op": "SCMP_CMP_)") +
                      op + R"("}]})");
  };
  struct Case {
    const char* op;
    bool below, same, above;
  };
  for (const Case& one : {Case{"NE", true, false, true}, Case{"LT", true, false, false},
                          Case{"LE", true, true, false}, Case{"EQ", false, true, false},
                          Case{"GE", false, true, true}, Case{"GT", false, false, true}}) {
    EXPECT_EQ(verdict(rule(one.op), "socket", {15}) == kAllow, one.below) << one.op;
    EXPECT_EQ(verdict(rule(one.op), "socket", {16}) == kAllow, one.same) << one.op;
    EXPECT_EQ(verdict(rule(one.op), "socket", {17}) == kAllow, one.above) << one.op;
    EXPECT_EQ(verdict(rule(one.op), "socket", {1ULL << 32}) == kAllow, one.above) << one.op;
  }
  EXPECT_EQ(verdict(rule("MASKED_EQ"), "socket", {0x0f}), kAllow);
  EXPECT_EQ(verdict(rule("MASKED_EQ"), "socket", {0x1f}), kForbidden);
}

TEST(SeccompFile, TakesTwoConditionsOnOneArgumentAsTwoRules) {
  const std::string json = with_rules(R"({"names": ["personality"], "action": "SCMP_ACT_ALLOW",
      "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"},
               {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]})");
  EXPECT_EQ(verdict(json, "personality", {0}), kAllow);
  EXPECT_EQ(verdict(json, "personality", {8}), kAllow);
  EXPECT_EQ(verdict(json, "personality", {4}), kForbidden);
}

TEST(SeccompFile, LetsARuleWithoutArgumentsCount) {
  const std::string json = with_rules(R"(
      {"names": ["ioctl"], "action": "SCMP_ACT_KILL_PROCESS",
       "args": [{"index": 1, "value": 1, "op": "SCMP_CMP_EQ"}]},
      {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW"})");
  EXPECT_EQ(verdict(json, "ioctl", {0, 1}), kAllow);
}

TEST(SeccompFile, PassesOverARuleThatSaysWhatHappensAnyway) {
  const std::string json = with_rules(R"(
      {"names": ["ioctl"], "action": "SCMP_ACT_ERRNO"},
      {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW",
       "args": [{"index": 1, "value": 1, "op": "SCMP_CMP_EQ"}]})");
  EXPECT_EQ(verdict(json, "ioctl", {0, 1}), kAllow);
  EXPECT_EQ(verdict(json, "ioctl", {0, 2}), kForbidden);
}

TEST(SeccompFile, AppliesRulesByCapabilityMachineAndKernel) {
  const auto rule = [](const std::string& when) {
    return with_rules(R"({"names": ["mount"], "action": "SCMP_ACT_ALLOW", )" + when + "}");
  };
  const std::uint64_t admin = 1ULL << CAP_SYS_ADMIN;
  const auto allowed = [&](const std::string& when, const SeccompFileFacts& about) {
    return verdict(rule(when), "mount", {}, about) == kAllow;
  };
  EXPECT_FALSE(allowed(R"("includes": {"caps": ["CAP_SYS_ADMIN"]})", facts()));
  EXPECT_TRUE(allowed(R"("includes": {"caps": ["CAP_SYS_ADMIN"]})", facts(admin)));
  EXPECT_FALSE(allowed(R"("includes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]})", facts(admin)));
  EXPECT_TRUE(allowed(R"("excludes": {"caps": ["CAP_SYS_ADMIN"]})", facts()));
  EXPECT_FALSE(allowed(R"("excludes": {"caps": ["CAP_BPF", "CAP_SYS_ADMIN"]})", facts(admin)));
  EXPECT_TRUE(allowed(R"("includes": {"arches": ["amd64", "x32"]})", facts()));
  EXPECT_FALSE(allowed(R"("includes": {"arches": ["arm64"]})", facts()));
  EXPECT_TRUE(allowed(R"("includes": {"arches": []})", facts()));
  EXPECT_FALSE(allowed(R"("excludes": {"arches": ["amd64"]})", facts()));
  EXPECT_TRUE(allowed(R"("includes": {"minKernel": "4.8"})", facts()));
  EXPECT_TRUE(allowed(R"("includes": {"minKernel": "6.1"})", facts()));
  EXPECT_FALSE(allowed(R"("includes": {"minKernel": "6.2"})", facts()));
  EXPECT_FALSE(allowed(R"("excludes": {"minKernel": "4.8"})", facts()));
  SeccompFileFacts arm = facts();
  arm.arch = SeccompArch::aarch64;
  EXPECT_TRUE(allowed(R"("includes": {"arches": ["arm64"]})", arm));
}

TEST(SeccompFile, AnswersCallsAboveAllItNamesWithEnosys) {
  const std::string strict = R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["read", "exit_group"], "action": "SCMP_ACT_ALLOW"}]})";
  EXPECT_EQ(verdict(strict, "kill"), kForbidden);
  EXPECT_EQ(verdict(strict, "openat"), SECCOMP_RET_ERRNO | static_cast<unsigned>(ENOSYS));
  const std::string open = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["kill"], "action": "SCMP_ACT_ERRNO"}]})";
  EXPECT_EQ(verdict(open, "kill"), kForbidden);
  EXPECT_EQ(verdict(open, "openat"), kAllow);
}

TEST(SeccompFile, TakesTheErrnoOfTheDefault) {
  EXPECT_EQ(verdict(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 13, "syscalls": [
      {"names": ["removexattrat"], "action": "SCMP_ACT_ALLOW"}]})",
                    "read"),
            SECCOMP_RET_ERRNO | 13U);
}

TEST(SeccompFile, ReadsFlags) {
  const SeccompPolicy policy = parse_seccomp_file(
      R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
          "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"]})",
      "p", facts());
  EXPECT_EQ(policy.filter_flags, SECCOMP_FILTER_FLAG_LOG);
}

TEST(SeccompFile, SaysWhereTheJsonBreaksOff) {
  EXPECT_THAT(refusal("{\n  \"defaultAction\": SCMP\n}"), StartsWith("p.json:2:2"));
  EXPECT_THAT(refusal(""), StartsWith("p.json:1:1:"));
  EXPECT_THAT(refusal("{\"a\": 1"), StartsWith("p.json:1:8"));
  EXPECT_THAT(refusal("{\"defaultErrnoRet\": 1e999}"), StartsWith("p.json: a number"));
}

TEST(SeccompFile, SaysWhichValueHasNoMeaning) {
  EXPECT_THAT(refusal("[]"), HasSubstr("not an object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("'defaultAction' is missing"));
  EXPECT_THAT(refusal(R"({"defaultAction": "ALLOW"})"),
              HasSubstr("defaultAction: no action is called 'ALLOW'"));
  EXPECT_THAT(refusal(with_rules(R"({"names": ["read"]})")),
              HasSubstr("syscalls[0]: 'action' is missing"));
  EXPECT_THAT(refusal(with_rules(R"({"names": "read", "action": "SCMP_ACT_ALLOW"})")),
              HasSubstr("syscalls[0].names: not a list"));
  EXPECT_THAT(refusal(with_rules(R"({"names": [3], "action": "SCMP_ACT_ALLOW"})")),
              HasSubstr("syscalls[0].names[0]: not a string"));
  const auto arg = [](const char* text) {
    return refusal(with_rules(std::string(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW",
        "args": [)") + text + "]}"));
  };
  EXPECT_THAT(arg(R"({"index": 6, "op": "SCMP_CMP_EQ"})"),
              HasSubstr("syscalls[0].args[0].index: 6 is more than 5"));
  EXPECT_THAT(arg(R"({"index": 0, "op": "EQ"})"), HasSubstr("args[0].op: no comparison"));
  EXPECT_THAT(arg(R"({"index": 0, "value": -1, "op": "SCMP_CMP_EQ"})"),
              HasSubstr("args[0].value: not a number"));
  EXPECT_THAT(refusal(with_rules(R"({"names": ["read"], "action": "SCMP_ACT_NOTIFY"})")),
              HasSubstr("agent"));
  EXPECT_THAT(refusal(with_rules(R"({"names": ["read"], "action": "SCMP_ACT_ERRNO",
                                     "errnoRet": 5000})")),
              HasSubstr("5000"));
  EXPECT_THAT(refusal(with_rules(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW",
                                     "includes": {"caps": ["CAP_FLY"]}})")),
              HasSubstr("CAP_FLY"));
  EXPECT_THAT(refusal(with_rules(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW",
                                     "includes": {"minKernel": "new"}})")),
              HasSubstr("minKernel"));
  EXPECT_THAT(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["FAST"]})"),
              HasSubstr("flags[0]"));
  EXPECT_THAT(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"})"),
              HasSubstr("listenerPath"));
}

TEST(SeccompFile, HasALimit) {
  std::string names;
  for (std::size_t i = 0; i <= kMaxSeccompFileRules; ++i)
    names += i == 0 ? "\"read\"" : ",\"read\"";
  EXPECT_THAT(refusal(with_rules(R"({"names": [)" + names + R"(], "action": "SCMP_ACT_ALLOW"})")),
              HasSubstr("more than 16384 rules"));
}

} // namespace
} // namespace layerbox
