// Seccomp profiles: the program for the kernel does with a call what the rules say.
#include "cli/seccomp_file.hpp"

#include <linux/audit.h>

#include <array>

#include "base/seccomp_bpf.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/runner/bpf_interpreter.hpp"
#include "tests/runner/policy_verdict.hpp"

namespace layerbox::fuzz {
bool run_seccomp_file(std::string_view input) {
  const SeccompFileFacts facts{SeccompArch::x86_64, 1U << 21, 6, 1};
  const auto policy = accepted([&] { return parse_seccomp_file(input, "profile", facts); });
  if (!policy) return false;
  const auto program = accepted([&] { return seccomp_program(*policy); });
  if (!program) return false;

  seccomp_data data = {};
  data.arch = AUDIT_ARCH_X86_64;
  std::vector<std::uint32_t> calls = {0, policy->last_call, policy->last_call + 1};
  for (const SeccompRule& rule : policy->rules)
    calls.push_back(rule.call);
  std::vector<std::uint64_t> values = {0, 1, ~std::uint64_t{0}};
  for (const SeccompCondition& condition : policy->conditions)
    for (const std::uint64_t near : {condition.value - 1, condition.value, condition.value + 1})
      values.push_back(near);
  constexpr std::size_t kTries = 200; // of each list: profiles may be long
  calls.resize(std::min(calls.size(), kTries));
  values.resize(std::min(values.size(), kTries));
  for (const std::uint32_t call : calls)
    for (const std::uint64_t value : values) {
      data.nr = static_cast<int>(call);
      for (__u64& argument : data.args)
        argument = value;
      require(test::run_filter(*program, data) == test::decide(*policy, data),
              "the program does what the rules say");
    }
  return true;
}

std::vector<std::string> seccomp_file_seeds() {
  return {R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"archMap":[],
     "flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":[
     {"names":["read","write","no_such_call"],"action":"SCMP_ACT_ALLOW"},
     {"name":"socket","action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}],
      "excludes":{"caps":["CAP_NET_RAW"],"arches":["arm64"]}},
     {"names":["clone"],"action":"SCMP_ACT_ERRNO","errnoRet":38,"includes":{"minKernel":"4.8"},
      "args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"},
              {"index":1,"value":4294967296,"op":"SCMP_CMP_GE"}]}]})",
          R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
     {"names":["mount","ptrace"],"action":"SCMP_ACT_KILL_PROCESS","comment":"","args":null},
     {"names":["ioctl"],"action":"SCMP_ACT_TRACE","errnoRet":7,"args":[
      {"index":1,"value":21522,"op":"SCMP_CMP_NE"},{"index":1,"value":5,"op":"SCMP_CMP_LT"},
      {"index":2,"value":5,"op":"SCMP_CMP_GT"},{"index":3,"value":5,"op":"SCMP_CMP_LE"}]}]})",
          R"({"defaultAction":"SCMP_ACT_LOG"})",
          R"({"defaultAction":"SCMP_ACT_NOTIFY","syscalls":1e999})"};
}

} // namespace layerbox::fuzz
