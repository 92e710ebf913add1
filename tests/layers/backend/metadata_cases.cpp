// What a single entry carries: owner, mode, times, attributes, links, holes, devices.
#include <sys/stat.h>

#include "tests/layers/backend/conformance.hpp"

namespace layerbox::test {

namespace {

// struct vfs_cap_data, revision 2, cap_net_raw effective and permitted. Source: capabilities(7).
const std::string
    kNetRaw("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
// A default ACL "user::rwx,user:1234:r-x,group::r-x,mask::r-x,other::r-x" as acl(5) stores it.
const std::string kAcl("\x02\x00\x00\x00"
                       "\x01\x00\x07\x00\xff\xff\xff\xff"
                       "\x02\x00\x05\x00\xd2\x04\x00\x00"
                       "\x04\x00\x05\x00\xff\xff\xff\xff"
                       "\x10\x00\x05\x00\xff\xff\xff\xff"
                       "\x20\x00\x05\x00\xff\xff\xff\xff",
                       44);

} // namespace

std::vector<ConformanceCase> metadata_cases() {
  using enum Needs;
  return {
      {"Modes", nothing,
       [](ChainBuilder& c) {
         c.layer()
             .file("suid", "s", {04755, 0, 0, kBuildTime, {}})
             .file("sgid", "g", {02755, 0, 0, kBuildTime, {}})
             .file("none", "n", {0000, 0, 0, kBuildTime, {}})
             .dir("sticky", {01777, 0, 0, kBuildTime, {}})
             .dir("setgid", {02775, 0, 0, kBuildTime, {}})
             .file("setgid/in", "in")
             .dir("closed", {0000, 0, 0, kBuildTime, {}})
             .file("closed/x", "x")
             .dir("read-only", {0555, 0, 0, kBuildTime, {}})
             .file("read-only/x", "x")
             .finish();
       },
       "closed/\nclosed/x\nnone\nread-only/\nread-only/x\nsetgid/\nsetgid/in\nsgid\nsticky/"
       "\nsuid\n"},
      {"Owners", ids,
       [](ChainBuilder& c) {
         c.layer()
             .file("f", "f", {0640, 1000, 100, kBuildTime, {}})
             .file("setuid", "f", {06755, 33, 42, kBuildTime, {}})
             .symlink("l", "f", {std::nullopt, 7, 8, kBuildTime, {}})
             .dir("d", {0750, 65534, 65534, kBuildTime, {}})
             .fifo("p", {0600, 5, 6, kBuildTime, {}})
             .finish();
       },
       "d/\nf\nl@\np|\nsetuid\n"},
      {"OwnerOfTheTop", ids,
       [](ChainBuilder& c) {
         c.layer().file("x", "x").top({02750, 12, 34, {77, 88}, {{"user.k", "v"}}}).finish();
       },
       "x\n"},
      {"LargeIds", ids,
       [](ChainBuilder& c) {
         c.layer().file("f", "f", {0644, 2'000'000'000, 4'000'000'000, kBuildTime, {}}).finish();
       },
       "f\n"},
      {"Times", nothing,
       [](ChainBuilder& c) {
         c.layer()
             .file("epoch", "", {0644, 0, 0, {0, 0}, {}})
             .file("nanoseconds", "", {0644, 0, 0, {1, 999'999'999}, {}})
             .file("negative", "", {0644, 0, 0, {-1'000'000, 5}, {}})
             .file("future", "", {0644, 0, 0, {4'102'444'800, 1}, {}})
             .symlink("link", "x", {std::nullopt, 0, 0, {12, 34}, {}})
             .dir("dir", {0755, 0, 0, {56, 78}, {}})
             .file("dir/later", "later")
             .fifo("fifo", {0600, 0, 0, {9, 10}, {}})
             .finish();
       },
       "dir/\ndir/later\nepoch\nfifo|\nfuture\nlink@\nnanoseconds\nnegative\n"},
      {"UserAttributes", nothing,
       [](ChainBuilder& c) {
         c.layer()
             .file("f", "f", {0444, 0, 0, kBuildTime, {{"user.a", "1"}, {"user.empty", ""}}})
             .dir("d", {0755, 0, 0, kBuildTime, {{"user.bytes", std::string("\0\xff", 2)}}})
             .file("big", "b", {0644, 0, 0, kBuildTime, {{"user.big", std::string(2000, 'x')}}})
             .finish();
       },
       "big\nd/\nf\n"},
      {"Capabilities", nothing,
       [](ChainBuilder& c) {
         c.layer()
             .file("ping", "ping", {0755, 0, 0, kBuildTime, {{"security.capability", kNetRaw}}})
             .finish();
       },
       "ping\n"},
      {"CapabilitiesOfAFileOfSomebody", ids,
       [](ChainBuilder& c) {
         c.layer()
             .file("ping", "ping", {0755, 3, 4, kBuildTime, {{"security.capability", kNetRaw}}})
             .finish();
       },
       "ping\n"},
      {"TrustedAttributes", trusted_xattrs,
       [](ChainBuilder& c) {
         c.layer()
             .file("f", "f", {0644, 0, 0, kBuildTime, {{"trusted.note", "t"}}})
             .symlink("l", "f", {std::nullopt, 0, 0, kBuildTime, {{"trusted.link", "t"}}})
             .finish();
       },
       "f\nl@\n"},
      {"AccessControlLists", ids,
       [](ChainBuilder& c) {
         c.layer()
             .dir("d", {0755, 0, 0, kBuildTime, {{"system.posix_acl_default", kAcl}}})
             .file("d/x", "made under a default list", {0644, 0, 0, kBuildTime, {}})
             .file("f", "f", {0755, 0, 0, kBuildTime, {{"system.posix_acl_access", kAcl}}})
             .finish();
       },
       "d/\nd/x\nf\n"},
      {"Devices", devices,
       [](ChainBuilder& c) {
         c.layer()
             .device("null", S_IFCHR, 1, 3, {0666, 0, 0, kBuildTime, {}})
             .device("disk", S_IFBLK, 259, 70'000, {0660, 0, 6, {5, 6}, {}})
             .device("zero-block", S_IFBLK, 0, 0)
             .finish();
         c.layer().whiteout("disk").finish();
       },
       "null%\nzero-block%\n"},
      {"ADeviceReplacesAFile", devices,
       [](ChainBuilder& c) {
         c.layer().file("x", "x").finish();
         c.layer().device("x", S_IFCHR, 1, 5).finish();
       },
       "x%\n"},
      {"Fifos", nothing, [](ChainBuilder& c) { c.layer().fifo("p").fifo("d/q").finish(); },
       "d/\nd/q|\np|\n"},
      {"HardLinksOfAFile", nothing,
       [](ChainBuilder& c) {
         c.layer()
             .file("a", "shared")
             .hardlink("b", "a")
             .hardlink("d/e/c", "a")
             .file("other", "shared")
             .finish();
       },
       "a\nb\nd/\nd/e/\nd/e/c\nother\n"},
      {"HardLinksOfASymlinkAndAFifo", nothing,
       [](ChainBuilder& c) {
         c.layer().symlink("s", "x").hardlink("t", "s").fifo("p").hardlink("q", "p").finish();
       },
       "p|\nq|\ns@\nt@\n"},
      {"AHardLinkOfWhichOneNameIsHidden", nothing,
       [](ChainBuilder& c) {
         c.layer().file("a", "shared").hardlink("b", "a").hardlink("c", "a").finish();
         c.layer().whiteout("a").finish();
       },
       "b\nc\n"},
      {"AHardLinkOfWhichOneNameIsReplaced", nothing,
       [](ChainBuilder& c) {
         c.layer().file("a", "shared").hardlink("b", "a").hardlink("c", "a").finish();
         c.layer().file("b", "alone").finish();
       },
       "a\nb\nc\n"},
      {"ALinkMadeAgainInAHigherLayer", nothing,
       [](ChainBuilder& c) {
         c.layer().file("a", "first").hardlink("b", "a").finish();
         c.layer().file("a", "second").hardlink("new", "a").finish();
       },
       "a\nb\nnew\n"},
      {"SparseFiles", nothing,
       [](ChainBuilder& c) {
         c.layer()
             .sparse("middle", 64 << 20, 32 << 20, "in the middle")
             .sparse("end", (8 << 20) + 3, 8 << 20, "end")
             .sparse("start", 8 << 20, 0, "start")
             .sparse("hole", 16 << 20, 0, "")
             .finish();
       },
       "end\nhole\nmiddle\nstart\n"},
      {"LargeAndEmptyFiles", nothing,
       [](ChainBuilder& c) {
         std::string big(3'000'001, 'x');
         for (std::size_t i = 0; i < big.size(); i += 97)
           big[i] = static_cast<char>(i);
         c.layer().file("big", big).file("empty", "").file("one", "1").finish();
       },
       "big\nempty\none\n"},
      {"SymlinkTargets", nothing,
       [](ChainBuilder& c) {
         c.layer()
             .symlink("absolute", "/etc/passwd")
             .symlink("up", "../../../../etc")
             .symlink("loop", "loop")
             .symlink("long", std::string(1000, 'x'))
             .symlink("bytes", "\xff\x01 \n")
             .finish();
       },
       "absolute@\nbytes@\nlong@\nloop@\nup@\n"},
      {"LongSymlinkTargets", Needs::long_symlinks,
       [](ChainBuilder& c) { c.layer().symlink("long", std::string(kLongSymlink, 'x')).finish(); },
       "long@\n"},
  };
}

} // namespace layerbox::test
