// Machines that are not at hand: why they give no user namespace, and what helps.
#include "base/userns_refusal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/id_map_helper.hpp"

namespace layerbox {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

UsernsFacts user() {
  UsernsFacts facts;
  facts.max_namespaces = 96'364;
  facts.is_privileged = false;
  facts.program = "/usr/bin/layerbox";
  return facts;
}

IdMapHelper helper() {
  IdMapHelper helper;
  helper.program = "newuidmap";
  helper.path = "/usr/bin/newuidmap";
  helper.is_setuid_root = true;
  return helper;
}

const Cause kNothing;

TEST(UsernsRefusal, KnowsNothingOfAMachineThatHindersNothing) {
  for (const int error : {0, EIO, ENOMEM, EINVAL, ENOSYS})
    EXPECT_EQ(why_no_user_namespace(error, user()), kNothing) << error;
  EXPECT_EQ(why_no_power_inside(EPERM, user()), kNothing);
  EXPECT_EQ(why_no_user_namespace(EPERM, user()).why, "");
  EXPECT_THAT(why_no_user_namespace(EPERM, user()).way_out, HasSubstr("'layerbox doctor'"));
}

TEST(UsernsRefusal, NamesAChrootBeforeAllElse) {
  UsernsFacts facts = user();
  facts.chrooted = Chrooted::yes;
  facts.unprivileged_clone = 0;
  facts.is_filtered = true;
  const Cause cause = why_no_user_namespace(EPERM, facts);
  EXPECT_THAT(cause.why, HasSubstr("inside a chroot"));
  EXPECT_THAT(cause.way_out, AllOf(HasSubstr("systemd-nspawn"), HasSubstr("pivot_root")));
}

TEST(UsernsRefusal, NamesTheSysctlThatKeepsOrdinaryUsersOut) {
  UsernsFacts facts = user();
  facts.unprivileged_clone = 0;
  const Cause cause = why_no_user_namespace(EPERM, facts);
  EXPECT_THAT(cause.why, HasSubstr("kernel.unprivileged_userns_clone is 0"));
  EXPECT_EQ(cause.way_out, "as root: sysctl -w kernel.unprivileged_userns_clone=1");
  facts.unprivileged_clone = 1;
  EXPECT_EQ(why_no_user_namespace(EPERM, facts).why, "");
  facts.unprivileged_clone = 0;
  facts.is_privileged = true; // it does not hold for root
  EXPECT_EQ(why_no_user_namespace(EPERM, facts).why, "");
}

TEST(UsernsRefusal, NamesAppArmorsRestrictionAndAProfileAgainstIt) {
  UsernsFacts facts = user();
  facts.apparmor_restricts = 1;
  facts.apparmor_label = "unconfined";
  const Cause made = why_no_user_namespace(EACCES, facts);
  const Cause used = why_no_power_inside(EPERM, facts);
  for (const Cause& cause : {made, used}) {
    EXPECT_THAT(cause.why, HasSubstr("kernel.apparmor_restrict_unprivileged_userns is 1"));
    EXPECT_THAT(
        cause.way_out,
        AllOf(HasSubstr("profile layerbox /usr/bin/layerbox flags=(unconfined) { userns, }"),
              HasSubstr("apparmor_parser -r /etc/apparmor.d/layerbox")));
  }
  facts.is_privileged = true;
  EXPECT_EQ(why_no_power_inside(EPERM, facts), kNothing);
}

TEST(UsernsRefusal, NamesTheProfileAroundLayerbox) {
  UsernsFacts facts = user();
  facts.apparmor_restricts = 1;
  facts.apparmor_label = "docker-default (enforce)";
  const Cause cause = why_no_user_namespace(EACCES, facts);
  EXPECT_THAT(cause.why, HasSubstr("'docker-default (enforce)'"));
  EXPECT_THAT(cause.way_out, HasSubstr("apparmor=unconfined"));
  for (const char* free : {"unconfined", "firefox (unconfined)", "unprivileged_userns (enforce)"}) {
    facts.apparmor_restricts = 0;
    facts.apparmor_label = free;
    EXPECT_EQ(why_no_power_inside(EPERM, facts), kNothing) << free;
  }
}

TEST(UsernsRefusal, NamesAFilterOfSystemCalls) {
  UsernsFacts facts;
  facts.is_filtered = true;
  EXPECT_THAT(why_no_user_namespace(EPERM, facts).why, HasSubstr("filter of system calls"));
  EXPECT_THAT(why_no_power_inside(EPERM, facts).way_out, HasSubstr("seccomp=unconfined"));
  EXPECT_EQ(why_no_power_inside(EINVAL, facts), kNothing);
}

TEST(UsernsRefusal, TellsNoneAllowedFromTooMany) {
  UsernsFacts facts = user();
  facts.max_namespaces = 0;
  EXPECT_THAT(why_no_user_namespace(ENOSPC, facts).why, HasSubstr("max_user_namespaces is 0"));
  EXPECT_EQ(why_no_user_namespace(ENOSPC, facts).way_out,
            "as root: sysctl -w user.max_user_namespaces=15000");
  facts.is_initial = false;
  EXPECT_THAT(why_no_user_namespace(ENOSPC, facts).way_out, HasSubstr("a container around"));
  facts.max_namespaces = 7;
  EXPECT_THAT(why_no_user_namespace(EUSERS, facts).why,
              AllOf(HasSubstr("too many"), HasSubstr("max_user_namespaces is 7")));
  facts.zero_limits = {"user.max_net_namespaces"};
  EXPECT_THAT(why_no_user_namespace(ENOSPC, facts).why, HasSubstr("user.max_net_namespaces is 0"));
  EXPECT_THAT(why_no_user_namespace(ENOSPC, facts).way_out,
              StartsWith("as root: sysctl -w user.max_net_namespaces="));
}

TEST(UsernsRefusal, NamesTheLimitOfProcesses) {
  UsernsFacts facts = user();
  EXPECT_EQ(why_no_user_namespace(EAGAIN, facts).why, "there may be no more processes here");
  facts.max_processes = 12;
  EXPECT_THAT(why_no_user_namespace(EAGAIN, facts).why, HasSubstr("'ulimit -u' is 12"));
}

TEST(UsernsRefusal, NamesAKernelWithoutThem) {
  UsernsFacts facts;
  facts.is_known_to_kernel = false;
  for (const int error : {EINVAL, ENOSYS})
    EXPECT_THAT(why_no_user_namespace(error, facts).way_out, HasSubstr("CONFIG_USER_NS"));
}

TEST(UsernsRefusal, FindsOutAboutThisProcess) {
  const UsernsFacts facts = userns_facts();
  EXPECT_TRUE(facts.is_known_to_kernel);
  EXPECT_THAT(facts.program, HasSubstr("base_tests"));
  EXPECT_EQ(facts.chrooted == Chrooted::yes, false);
}

TEST(IdMapHelper, IsNotToBlameWhenNothingHindersIt) {
  EXPECT_EQ(why_id_map_helper_fails(helper(), user()), kNothing);
  IdMapHelper capable = helper();
  capable.is_setuid_root = false;
  capable.has_file_capability = true;
  EXPECT_EQ(why_id_map_helper_fails(capable, user()), kNothing);
}

TEST(IdMapHelper, LacksRightsInManyWays) {
  IdMapHelper absent = helper();
  absent.path.reset();
  EXPECT_EQ(why_id_map_helper_fails(absent, user()).why, "newuidmap is not installed");
  EXPECT_THAT(why_id_map_helper_fails(absent, user()).way_out, HasSubstr("uidmap"));
  UsernsFacts unprivileged = user();
  unprivileged.no_new_privileges = true;
  EXPECT_THAT(why_id_map_helper_fails(helper(), unprivileged).why, HasSubstr("no_new_privs"));
  IdMapHelper nosuid = helper();
  nosuid.is_on_nosuid_mount = true;
  EXPECT_THAT(why_id_map_helper_fails(nosuid, user()).why, HasSubstr("mounted nosuid"));
  IdMapHelper plain = helper();
  plain.is_setuid_root = false;
  EXPECT_THAT(why_id_map_helper_fails(plain, user()).why, HasSubstr("neither setuid root"));
  EXPECT_EQ(why_id_map_helper_fails(plain, user()).way_out,
            "as root: chown root /usr/bin/newuidmap && chmod u+s /usr/bin/newuidmap");
}

TEST(IdMapHelper, IsLookedForWhereItIsLookedForWhenItIsUsed) {
  const IdMapHelper found = find_id_map_helper("no-such-helper");
  EXPECT_FALSE(found.path);
  const IdMapHelper shell = find_id_map_helper("sh");
  ASSERT_TRUE(shell.path);
  EXPECT_FALSE(shell.is_setuid_root);
  EXPECT_FALSE(shell.has_file_capability);
}

} // namespace
} // namespace layerbox
