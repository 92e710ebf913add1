#include "cli/plan_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/mount.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "runner/plan_words.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::ordered_json;
using testing::ElementsAre;

Json json_of(Step step) {
  Plan plan;
  plan.steps.push_back(std::move(step));
  return plan_json(plan).at("steps").at(0);
}

std::string bytes_of(const ResourceLimit& limit) {
  std::string bytes(sizeof limit, '\0');
  std::memcpy(bytes.data(), &limit, sizeof limit);
  return bytes;
}

TEST(PlanJson, ShowsOfAStepWhatIsSet) {
  EXPECT_EQ(json_of({.act = Act::session}), Json::parse(R"({"act": "session"})"));
  EXPECT_EQ(json_of({.act = Act::mount_fs,
                     .flags = kOptional | kRecursive,
                     .mount_flags = MS_NOSUID | MS_RDONLY,
                     .target = "proc",
                     .source = "proc",
                     .data = "hidepid=2"}),
            Json::parse(R"({"act": "mount_fs", "target": "proc", "source": "proc",
                            "data": "hidepid=2", "mount_flags": ["ro", "nosuid"],
                            "flags": ["optional", "recursive"]})"));
  EXPECT_EQ(json_of({.act = Act::overlay_volume, .clone = 0, .other_clone = 2, .list = {"a", "b"}}),
            Json::parse(R"({"act": "overlay_volume", "clone": 0, "other_clone": 2,
                            "list": ["a", "b"]})"));
}

TEST(PlanJson, ShowsAFilterAsTheNumberOfItsInstructions) {
  EXPECT_EQ(json_of({.act = Act::seccomp,
                     .mount_flags = 2,
                     .data = std::string(7 * sizeof(sock_filter), 'x')}),
            Json::parse(R"({"act": "seccomp", "instructions": 7, "filter_flags": ["LOG"]})"));
}

TEST(PlanJson, ShowsAResourceLimitByItsName) {
  EXPECT_EQ(json_of({.act = Act::limit, .data = bytes_of({7, 1, 1024, kUnlimited})}),
            Json::parse(R"({"act": "limit", "resource": "nofile", "soft": 1024, "hard": -1,
                            "at_most": true})"));
}

TEST(PlanJson, ShowsNamespacesThatAreEnteredByTheirNames) {
  EXPECT_EQ(json_of({.act = Act::join_namespace,
                     .fd = 9,
                     .mount_flags = CLONE_NEWNET,
                     .source = "container 'web'"}),
            Json::parse(R"({"act": "join_namespace", "source": "container 'web'",
                            "namespaces": ["network"]})"));
}

TEST(PlanJson, ShowsWhatACgroupGets) {
  CgroupDir dir{CgroupVersion::v2, "/sys/fs/cgroup/a", "layerbox-4f", {"memory"}, {}, {}};
  dir.writes.push_back({"memory", "memory.max", "1024", "the memory limit"});
  dir.devices.push_back({.allow = true, .type = 'c', .major = 1, .minor = 3, .access = "rw"});
  EXPECT_EQ(cgroup_json(dir), Json::parse(R"({
      "version": 2, "path": "/sys/fs/cgroup/a/layerbox-4f", "enable": ["memory"],
      "writes": [{"file": "memory.max", "value": "1024", "purpose": "the memory limit"}],
      "devices": ["allow c 1:3 rw"]})"));
}

TEST(PlanWords, LeaveNoBitOut) {
  EXPECT_THAT(mount_flag_words(MS_NODEV | 1UL << 40), ElementsAre("nodev", "0x10000000000"));
  EXPECT_THAT(namespace_words(CLONE_NEWPID | CLONE_NEWNS | 1), ElementsAre("mount", "pid", "0x1"));
  EXPECT_THAT(step_flag_words(kReadable | 1U << 31), ElementsAre("readable", "0x80000000"));
  EXPECT_THAT(filter_flag_words(1UL << 9), ElementsAre("0x200"));
}

} // namespace
} // namespace layerbox
