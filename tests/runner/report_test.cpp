// The child's report as a sentence.
#include "runner/report.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "runner/compile.hpp"

namespace layerbox {
namespace {

Plan plan() {
  RunSpec spec;
  spec.container_id = std::string(64, 'c');
  spec.rootfs.anchor = "/srv/rootfs";
  spec.process.args = {"serve"};
  spec.process.user.text = "web";
  spec.id_map = IdMap::shifted(100000, 65536);
  spec.mounts = {{.source = "/srv/data", .destination = "/data"}};
  return compile(spec, HostFacts());
}

Error of(Act act, ChildDetail detail, int error, const char* text, Identity identity = {},
         const RefusalFacts& facts = {}) {
  const Plan made = plan();
  ChildReport report;
  while (made.steps.at(report.step).act != act)
    ++report.step;
  report.error = error;
  report.detail = detail;
  std::strncpy(report.text, text, sizeof report.text - 1);
  return report_error(made, report, identity, facts);
}

TEST(Report, NamesStepObjectAndReason) {
  EXPECT_STREQ(
      of(Act::mount_fs, ChildDetail::symlink_refused, ELOOP, "proc").what(),
      "mounting '/proc': the rootfs has a symbolic link at '/proc', which is not followed");
  EXPECT_STREQ(of(Act::bind, ChildDetail::directory_for_file, EISDIR, "data").what(),
               "mounting volume '/srv/data' on '/data': the source is a file, but '/data' is a "
               "directory");
  EXPECT_STREQ(of(Act::loopback, ChildDetail::none, EPERM, "").what(),
               "bringing the loopback interface up: Operation not permitted");
  EXPECT_STREQ(of(Act::become_user, ChildDetail::user_unknown, ENOENT, "web").what(),
               "becoming the user 'web': the container's /etc/passwd has no user 'web'");
}

TEST(Report, NamesWhatIsWrongWithACommand) {
  EXPECT_STREQ(of(Act::exec, ChildDetail::interpreter_missing, ENOENT, "/usr/bin/perl\r").what(),
               "executing 'serve': its interpreter '/usr/bin/perl\\x0d' is not there");
  EXPECT_STREQ(of(Act::exec, ChildDetail::command_not_found, ENOENT, "serve").what(),
               "executing 'serve': command not found");
}

TEST(Report, AddsWhyAStepWasRefused) {
  RefusalFacts facts;
  facts.userns.is_filtered = true;
  const Error error = of(Act::private_mounts, ChildDetail::none, EPERM, "", {}, facts);
  EXPECT_STREQ(error.what(), "making the container's mounts private: Operation not permitted: a "
                             "filter of system calls (seccomp) around layerbox forbids it");
  EXPECT_NE(error.hint(), "");
}

TEST(Report, TellsAFileSystemWithoutExecFromAModeWithout) {
  const Error error = of(Act::exec, ChildDetail::command_on_noexec, EACCES, "/bin/serve");
  EXPECT_STREQ(error.what(),
               "executing 'serve': /bin/serve lies on a file system that is mounted noexec");
  EXPECT_NE(error.hint().find("mount its file system with exec"), std::string::npos);
}

TEST(Report, TellsWhatOneMappedIdCosts) {
  Identity poor;
  poor.privilege = Privilege::single;
  poor.way_out = "as root: usermod --add-subuids …";
  const Error error = of(Act::become_user, ChildDetail::user_unmapped, EINVAL, "33", poor);
  EXPECT_STREQ(error.what(), "becoming the user 'web': user id 33 is not mapped in this container");
  EXPECT_EQ(error.hint(), "with one id mapped a container can only run as root; as root: usermod "
                          "--add-subuids …");
}

TEST(Report, MapsFailuresOfTheCommandToShellStatuses) {
  ChildReport report;
  report.detail = ChildDetail::command_not_found;
  EXPECT_TRUE(is_command_failure(report));
  EXPECT_EQ(command_exit_status(report), 127);
  for (const ChildDetail detail :
       {ChildDetail::command_not_executable, ChildDetail::command_on_noexec,
        ChildDetail::command_is_directory, ChildDetail::interpreter_missing,
        ChildDetail::wrong_architecture, ChildDetail::not_a_program,
        ChildDetail::command_refused}) {
    report.detail = detail;
    EXPECT_TRUE(is_command_failure(report));
    EXPECT_EQ(command_exit_status(report), 126);
  }
  report.detail = ChildDetail::accounts_too_large;
  EXPECT_FALSE(is_command_failure(report));
}

TEST(Report, DoesNotBelieveAStepThatIsNotThere) {
  ChildReport report;
  report.step = 1U << 30;
  EXPECT_NE(std::string(report_error(plan(), report, {}, {}).what()).find("makes no sense"),
            std::string::npos);
}

} // namespace
} // namespace layerbox
