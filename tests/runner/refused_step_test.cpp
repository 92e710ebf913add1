// Why a step was refused, on machines that are not at hand.
#include "runner/refused_step.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace layerbox {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Cause kNothing;

Cause of(const Step& step, int error, const RefusalFacts& facts = {},
         ChildDetail detail = ChildDetail::none) {
  ChildReport report;
  report.error = error;
  report.detail = detail;
  return why_step_failed(step, report, facts);
}

constexpr const char* kWhole =
    "21 26 0:20 / /proc rw,relatime - proc proc rw\n"
    "22 21 0:30 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw\n"
    "26 1 254:0 / / rw - ext4 /dev/vda rw\n";

TEST(ProcView, IsWholeWhereNothingButEmptyPlacesIsCovered) {
  const ProcView view = parse_proc_view(kWhole);
  EXPECT_TRUE(view.is_mounted);
  EXPECT_THAT(view.covered, IsEmpty());
  EXPECT_EQ(proc_view_fault(view), "");
}

TEST(ProcView, NamesWhatIsCovered) {
  const std::string docker = std::string(kWhole) +
                             "30 21 0:20 /sys /proc/sys ro,nosuid - proc proc rw\n"
                             "31 21 0:31 /null /proc/kcore rw - tmpfs tmpfs rw\n"
                             "32 21 0:31 /null /proc/kcore rw - tmpfs tmpfs rw\n";
  const ProcView view = parse_proc_view(docker);
  EXPECT_THAT(view.covered, ElementsAre("/proc/sys", "/proc/kcore"));
  EXPECT_EQ(proc_view_fault(view), "'/proc/sys' and 1 other place of it are covered");
}

TEST(ProcView, IsThatOfTheLastProcMounted) {
  const std::string again = "30 21 0:20 /sys /proc/sys ro - proc proc rw\n" + std::string(kWhole);
  EXPECT_THAT(parse_proc_view(again).covered, IsEmpty());
  EXPECT_EQ(proc_view_fault(parse_proc_view("26 1 254:0 / / rw - ext4 /dev/vda rw\n")),
            "there is no /proc here");
  EXPECT_EQ(proc_view_fault(parse_proc_view("26 1 0:9 / /proc rw - tmpfs tmpfs rw\n")),
            "there is no /proc here");
  EXPECT_EQ(proc_view_fault(parse_proc_view("26 1 0:9 / /proc nosuid,ro - proc proc rw\n")),
            "'/proc' is mounted read-only");
}

TEST(RefusedStep, SaysWhyNoProcIsMounted) {
  const Step proc{.act = Act::mount_fs, .target = "proc", .source = "proc"};
  RefusalFacts facts;
  EXPECT_EQ(of(proc, EPERM, facts), kNothing);
  facts.proc.covered = {"/proc/sys"};
  EXPECT_THAT(of(proc, EPERM, facts).why, HasSubstr("'/proc/sys' is covered"));
  EXPECT_THAT(of(proc, EPERM, facts).way_out,
              AllOf(HasSubstr("systempaths=unconfined"), HasSubstr("unmask=ALL")));
  EXPECT_EQ(of({.act = Act::mount_fs, .source = "tmpfs"}, EPERM, facts), kNothing);
}

TEST(RefusedStep, SaysWhichWallIsAroundLayerbox) {
  RefusalFacts facts;
  facts.userns.is_filtered = true;
  EXPECT_THAT(of({.act = Act::private_mounts}, EPERM, facts).why, HasSubstr("seccomp"));
  EXPECT_THAT(of({.act = Act::overlay}, EPERM, facts, ChildDetail::kernel_message).why,
              HasSubstr("seccomp"));
  facts.userns.is_privileged = false;
  facts.userns.apparmor_restricts = 1;
  EXPECT_THAT(of({.act = Act::private_mounts}, EACCES, facts).why, HasSubstr("AppArmor"));
}

TEST(RefusedStep, BlamesNoWallForAPath) {
  RefusalFacts facts;
  facts.userns.is_filtered = true;
  EXPECT_EQ(of({.act = Act::exec}, EACCES, facts), kNothing);
  EXPECT_EQ(of({.act = Act::workdir}, EACCES, facts), kNothing);
  EXPECT_EQ(of({.act = Act::bind}, EACCES, facts, ChildDetail::source_unreachable), kNothing);
}

TEST(RefusedStep, NamesTheFileSystemThatTheKernelLacks) {
  EXPECT_EQ(of({.act = Act::overlay}, ENODEV).why, "the kernel has no file system 'overlay'");
  EXPECT_THAT(of({.act = Act::overlay}, ENODEV).way_out, HasSubstr("--backend copy"));
  EXPECT_EQ(of({.act = Act::scratch}, ENODEV).why, "the kernel has no file system 'tmpfs'");
  EXPECT_EQ(of({.act = Act::mount_here, .source = "devpts"}, ENODEV).why,
            "the kernel has no file system 'devpts'");
  EXPECT_EQ(of({.act = Act::loopback}, ENODEV), kNothing);
}

TEST(RefusedStep, TellsAFullDiskFromTooManyMounts) {
  EXPECT_THAT(of({.act = Act::workdir}, ENOSPC).way_out, HasSubstr("make room"));
  EXPECT_THAT(of({.act = Act::device, .source = "/dev/null"}, ENOSPC).why,
              HasSubstr("too many mounts"));
  EXPECT_EQ(of({.act = Act::session}, EDQUOT), kNothing); // keyrings: the report knows
}

TEST(RefusedStep, NamesANodeThatTheMachineLacks) {
  const Cause cause = of({.act = Act::device, .target = "null", .source = "/dev/null"}, ENOENT);
  EXPECT_EQ(cause.why, "this machine has no '/dev/null'");
  EXPECT_THAT(cause.way_out, HasSubstr("devtmpfs"));
}

TEST(RefusedStep, TellsAnOldKernelFromAFilterThatHidesACall) {
  EXPECT_EQ(of({.act = Act::settle}, ENOSYS), kNothing); // the report knows
  RefusalFacts facts;
  facts.userns.is_filtered = true;
  EXPECT_THAT(of({.act = Act::settle}, ENOSYS, facts).why, HasSubstr("hides it"));
}

TEST(RefusedStep, NamesLimitsOfDescriptors) {
  EXPECT_THAT(of({.act = Act::overlay}, EMFILE).way_out, HasSubstr("ulimit -n"));
  EXPECT_THAT(of({.act = Act::overlay}, ENFILE).way_out, HasSubstr("fs.file-max"));
}

} // namespace
} // namespace layerbox
