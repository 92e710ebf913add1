#include "tests/layers/backend/change_cases.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace layerbox::test {

namespace {

namespace fs = std::filesystem;

constexpr off_t kMiB = 1 << 20;

void check(long result, const std::string& what) {
  if (result < 0) throw_errno(errno, what);
}

// Writes into the file that is there, or a new one.
void write(const std::string& path, const std::string& content, off_t at = 0) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  check(fd.get(), path);
  check(::pwrite(fd.get(), content.data(), content.size(), at), path);
}

// The same, and the times are as before: a change that shows in nothing else.
void write_in_secret(const std::string& path, const std::string& content, off_t at = 0) {
  struct stat before {};
  check(::stat(path.c_str(), &before), path);
  write(path, content, at);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  check(::utimensat(AT_FDCWD, path.c_str(), times, 0), path);
}

// A directory's names come and go, and its time is as before.
void in_secret(const std::string& directory, const std::function<void()>& act) {
  struct stat before {};
  check(::stat(directory.c_str(), &before), directory);
  act();
  const timespec times[2] = {before.st_atim, before.st_mtim};
  check(::utimensat(AT_FDCWD, directory.c_str(), times, 0), directory);
}

void set_time(const std::string& path, const timespec& time) {
  const timespec times[2] = {time, time};
  check(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), path);
}

void set_attribute(const std::string& path, const char* name, const std::string& value) {
  check(::setxattr(path.c_str(), name, value.data(), value.size(), 0), path);
}

std::string capability() {
  return {"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20};
}

std::vector<ChangeCase> file_cases() {
  return {
      {"NothingWasDone", Needs::nothing, [](const std::string&) {}, ""},
      {"ReadingIsNoChange", Needs::nothing,
       [](const std::string& top) {
         const UniqueFd fd(::open((top + "/etc/a").c_str(), O_RDONLY | O_CLOEXEC));
         char byte = 0;
         check(::read(fd.get(), &byte, 1), "read");
         check(::faccessat(AT_FDCWD, (top + "/lib/x/1").c_str(), R_OK, 0), "faccessat");
       },
       ""},
      {"FilesWereAdded", Needs::nothing,
       [](const std::string& top) {
         fs::create_directories(top + "/new/deep");
         write(top + "/new/deep/file", "content");
         write(top + "/etc/empty", "");
         fs::create_symlink("nowhere", top + "/etc/dangling");
         check(::mkfifo((top + "/new/fifo").c_str(), 0600), "mkfifo");
       },
       "C /etc\nA /etc/dangling\nA /etc/empty\nA /new\nA /new/deep\nA /new/deep/file\n"
       "A /new/fifo\n"},
      {"ContentChanged", Needs::nothing,
       [](const std::string& top) { write(top + "/etc/a", "other words"); }, "C /etc\nC /etc/a\n"},
      {"ContentChangedAndNothingElse", Needs::nothing,
       [](const std::string& top) { write_in_secret(top + "/etc/a", "B"); }, "C /etc\nC /etc/a\n"},
      {"WrittenAsItWasIsNoChange", Needs::nothing,
       [](const std::string& top) { write_in_secret(top + "/etc/a", "A"); }, ""},
      {"FilesWereDeleted", Needs::nothing,
       [](const std::string& top) {
         fs::remove(top + "/etc/b");
         fs::remove(top + "/link");
         fs::remove_all(top + "/lib");
       },
       "C /etc\nD /etc/b\nD /lib\nD /link\n"},
      {"MadeAndDeletedLeavesTheTime", Needs::nothing,
       [](const std::string& top) {
         write(top + "/etc/gone", "x");
         fs::remove(top + "/etc/gone");
         in_secret(top + "/lib", [&] {
           write(top + "/lib/gone", "x");
           fs::remove(top + "/lib/gone");
         });
       },
       "C /etc\n"},
      {"DeletedAndMadeAnew", Needs::nothing,
       [](const std::string& top) {
         fs::remove(top + "/etc/a");
         write(top + "/etc/a", "new");
       },
       "C /etc\nC /etc/a\n"},
      {"WhatALayerDeletedIsAdded", Needs::nothing,
       [](const std::string& top) { write(top + "/lib/x/0", "again"); },
       "C /lib\nC /lib/x\nA /lib/x/0\n"},
      {"OddNames", Needs::nothing,
       [](const std::string& top) {
         write(top + "/etc/\x1b[31m\n", "x");
         write(top + "/etc/\xff\xfe", "x");
         write(top + "/etc/" + std::string(255, 'n'), "x");
         fs::create_directories(top + "/" + std::string(200, 'p') + "/" + std::string(200, 'q'));
       },
       "C /etc\nA /etc/\\x1b[31m\\x0a\nA /etc/" + std::string(255, 'n') +
           "\nA /etc/\\xff\\xfe\nA /" + std::string(200, 'p') + "\nA /" + std::string(200, 'p') +
           "/" + std::string(200, 'q') + "\n"},
      {"HolesChanged", Needs::nothing,
       [](const std::string& top) {
         write(top + "/sparse", "y", 3 * kMiB);
         write(top + "/etc/far", "end", 9 * kMiB + 5);
         const UniqueFd fd(
             ::open((top + "/etc/hole").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
         check(::ftruncate(fd.get(), 5 * kMiB + 1), "ftruncate");
       },
       "C /etc\nA /etc/far\nA /etc/hole\nC /sparse\n"},
      {"AHoleFilledWithZerosIsNoChange", Needs::nothing,
       [](const std::string& top) { write_in_secret(top + "/sparse", std::string(70000, '\0')); },
       ""},
  };
}

std::vector<ChangeCase> kind_cases() {
  return {
      {"ADirectoryWasMadeAnew", Needs::nothing,
       [](const std::string& top) {
         struct stat one {};
         check(::stat((top + "/lib/x/1").c_str(), &one), "stat");
         fs::remove_all(top + "/lib/x");
         fs::create_directory(top + "/lib/x");
         write(top + "/lib/x/1", "1"); // as it was
         set_time(top + "/lib/x/1", one.st_mtim);
         write(top + "/lib/x/new", "x");
       },
       "C /lib\nC /lib/x\nD /lib/x/2\nA /lib/x/new\n"},
      {"ADirectoryBecameAFile", Needs::nothing,
       [](const std::string& top) {
         fs::remove_all(top + "/lib/x");
         write(top + "/lib/x", "file");
       },
       "C /lib\nC /lib/x\n"},
      {"AFileBecameADirectory", Needs::nothing,
       [](const std::string& top) {
         fs::remove(top + "/etc/a");
         fs::create_directory(top + "/etc/a");
         write(top + "/etc/a/in", "x");
       },
       "C /etc\nC /etc/a\nA /etc/a/in\n"},
      {"ALinkLeadsElsewhere", Needs::nothing,
       [](const std::string& top) {
         struct stat before {};
         check(::lstat((top + "/link").c_str(), &before), "lstat");
         fs::remove(top + "/link");
         fs::create_symlink("etc/b", top + "/link"); // as long as before
         set_time(top + "/link", before.st_mtim);
         fs::remove(top + "/fifo");
         fs::create_symlink("link", top + "/fifo");
       },
       "C /fifo\nC /link\n"},
      {"DevicesWereMade", Needs::devices,
       [](const std::string& top) {
         check(::mknod((top + "/etc/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), "mknod");
         check(::mknod((top + "/etc/disk").c_str(), S_IFBLK | 0660, makedev(259, 200000)), "mknod");
       },
       "C /etc\nA /etc/disk\nA /etc/null\n"},
      {"NewNamesOfNewFiles", Needs::nothing,
       [](const std::string& top) {
         fs::create_directory(top + "/z");
         write(top + "/z/first", "x");
         fs::create_hard_link(top + "/z/first", top + "/b");
         fs::create_hard_link(top + "/z/first", top + "/z/a");
         check(
             ::linkat(AT_FDCWD, (top + "/z/first").c_str(), AT_FDCWD, (top + "/etc/c").c_str(), 0),
             "linkat");
       },
       "A /b\nC /etc\nA /etc/c\nA /z\nA /z/a\nA /z/first\n"},
      {"ANewNameOfAnOldFile", Needs::nothing,
       [](const std::string& top) { fs::create_hard_link(top + "/etc/a", top + "/lib/a"); },
       "C /etc\nC /etc/a\nC /lib\nA /lib/a\n"},
      {"ANameInPlaceOfAnother", Needs::nothing,
       [](const std::string& top) {
         in_secret(top + "/etc", [&] {
           fs::remove(top + "/etc/twin");
           fs::create_hard_link(top + "/etc/a", top + "/etc/twin"); // the same in all it says
         });
       },
       "C /etc\nC /etc/a\nC /etc/twin\n"},
      {"OneOfTwoNamesWasDeleted", Needs::nothing,
       [](const std::string& top) { fs::remove(top + "/etc/linked2"); },
       "C /etc\nD /etc/linked2\n"},
  };
}

std::vector<ChangeCase> metadata_changes() {
  return {
      {"ModesChanged", Needs::nothing,
       [](const std::string& top) {
         check(::chmod((top + "/etc/a").c_str(), 04711), "chmod");
         check(::chmod((top + "/lib/x").c_str(), 03750), "chmod");
         check(::chmod((top + "/fifo").c_str(), 0600), "chmod");
       },
       "C /etc\nC /etc/a\nC /fifo\nC /lib\nC /lib/x\n"},
      {"ModesThereAndBackAreNoChange", Needs::nothing,
       [](const std::string& top) {
         check(::chmod((top + "/etc/a").c_str(), 0600), "chmod");
         check(::chmod((top + "/etc/a").c_str(), 0644), "chmod");
         check(::chmod((top + "/lib/x").c_str(), 0700), "chmod");
         check(::chmod((top + "/lib/x").c_str(), 0755), "chmod");
       },
       ""},
      {"OwnersChanged", Needs::ids,
       [](const std::string& top) {
         check(::chown((top + "/etc/a").c_str(), 1000, 2'000'000'000), "chown");
         check(::lchown((top + "/link").c_str(), 33, 33), "lchown");
         check(::chown((top + "/lib").c_str(), 5, 5), "chown");
       },
       "C /etc\nC /etc/a\nC /lib\nC /link\n"},
      {"TimesChanged", Needs::nothing,
       [](const std::string& top) {
         set_time(top + "/etc/a", {-5, 500'000'000});
         set_time(top + "/etc/b", {kBuildTime.tv_sec, kBuildTime.tv_nsec + 1});
         set_time(top + "/link", {12'000'000'000, 0});
         set_time(top + "/lib/x", {1, 2});
       },
       "C /etc\nC /etc/a\nC /etc/b\nC /lib\nC /lib/x\nC /link\n"},
      {"AttributesChanged", Needs::nothing,
       [](const std::string& top) {
         set_attribute(top + "/etc/a", "user.k=v", std::string("a\0b\n", 4));
         set_attribute(top + "/lib", "user.note", "");
         check(::removexattr((top + "/etc/same").c_str(), "user.note"), "removexattr");
       },
       "C /etc\nC /etc/a\nC /etc/same\nC /lib\n"},
      {"CapabilitiesAndAclsChanged", Needs::ids,
       [](const std::string& top) {
         set_attribute(top + "/etc/a", "security.capability", capability());
         // user::rw-, user:1000:r--, group::r--, mask::r--, other::r--
         set_attribute(top + "/etc/b", "system.posix_acl_access",
                       {"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\xe8\x03\0\0"
                        "\x04\0\x04\0\xff\xff\xff\xff\x10\0\x04\0\xff\xff\xff\xff"
                        "\x20\0\x04\0\xff\xff\xff\xff",
                        44});
       },
       "C /etc\nC /etc/a\nC /etc/b\n"},
      {"TheTopChanged", Needs::nothing,
       [](const std::string& top) { check(::chmod(top.c_str(), 0700), "chmod"); }, "C /\n"},
      {"TheTimeOfTheTopIsNoChange", Needs::nothing,
       [](const std::string& top) {
         write(top + "/gone", "x");
         fs::remove(top + "/gone");
       },
       ""},
  };
}

} // namespace

void build_change_base(ChainBuilder& chain) {
  Attr noted;
  noted.mtime = {7, 8};
  noted.xattrs = {{"user.note", "noted"}};
  chain.layer()
      .file("etc/a", "A")
      .file("etc/b", "B")
      .file("etc/twin", "A")
      .file("etc/same", "the same", noted)
      .file("etc/linked", "one file")
      .hardlink("etc/linked2", "etc/linked")
      .file("lib/x/0", "0")
      .file("lib/x/1", "1")
      .symlink("link", "etc/a")
      .fifo("fifo")
      .sparse("sparse", 4 * kMiB, 2 * kMiB, "x")
      .finish();
  chain.layer().whiteout("lib/x/0").file("lib/x/2", "2").finish();
}

std::vector<ChangeCase> change_cases() {
  std::vector<ChangeCase> all = file_cases();
  for (const auto& more : {kind_cases(), metadata_changes()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

} // namespace layerbox::test
