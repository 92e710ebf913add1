/* names: what makes, links, renames and removes them, and reads them. */
#include <dirent.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/sysmacros.h>

#include "check.h"

static void link_checks(void) {
  struct stat was = before("file");
  WORKS("a second name", link("file", "second"));
  EQUAL("changes the ctime", changed("file", was), CTIME);
  EQUAL("is counted", status_of("file").st_nlink, 2);
  EQUAL("is the same file", status_of("second").st_ino, status_of("file").st_ino);
  write_file("second", "by the second");
  TRUE("is written by either", holds("file", "by the second"));
  EQUAL("a pair is counted", status_of("pair1").st_nlink, 2);
  EQUAL("a pair is one file", status_of("pair1").st_ino, status_of("pair2").st_ino);
  write_file("pair1", "written");
  TRUE("a pair is written by either name", holds("pair2", "written"));
  EQUAL("a pair stays one file when written", status_of("pair1").st_ino, status_of("pair2").st_ino);
  WORKS("a third name of a pair", link("pair1", "third"));
  EQUAL("a third name is counted", status_of("pair1").st_nlink, 3);
  WORKS("a name of a pair goes", unlink("pair2"));
  EQUAL("a name that went is counted", status_of("pair1").st_nlink, 2);
  FAILS("over a file", link("file", "other"), EEXIST);
  FAILS("over a directory", link("file", "dir"), EEXIST);
  FAILS("over a dangling symlink", link("file", "dangling"), EEXIST);
  FAILS("of a directory", link("dir", "linked"), EPERM);
  FAILS("of nothing", link("none", "linked"), ENOENT);
  FAILS("below a file", link("file", "other/x"), ENOTDIR);
  FAILS("to another file system", link("file", "/dev/shm/linked"), EXDEV);
  WORKS("of a symlink", link("link", "link2"));
  EQUAL("of a symlink is of itself", TYPE("link2"), S_IFLNK);
  WORKS("of what a symlink leads to", linkat(AT_FDCWD, "link", AT_FDCWD, "led", AT_SYMLINK_FOLLOW));
  EQUAL("of what a symlink leads to is it", status_of("led").st_ino, status_of("file").st_ino);
  WORKS("of a fifo", link("fifo", "fifo2"));
  EQUAL("of a fifo is counted", status_of("fifo").st_nlink, 2);
  /* Where there is none, all of these fail but the last. */
  int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
  char path[64];
  EQUAL("O_TMPFILE has no name", fd < 0 || write(fd, "unnamed", 7) != 7 ? -1 : (long)status_of_fd(fd).st_nlink, 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  WORKS("O_TMPFILE gets one", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  TRUE("O_TMPFILE is what was written", holds("named", "unnamed"));
  close(fd);
  fd = open("dir", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0644);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  FAILS("O_TMPFILE with O_EXCL gets none", linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW), ENOENT);
  close(fd);
}

static void symlink_checks(void) {
  static char target[PATH_MAX + 1], text[64];
  struct stat was = before("dir");
  WORKS("is made", symlink("a", "dir/s"));
  EQUAL("changes its directory's times", changed("dir", was), MTIME | CTIME);
  EQUAL("is as long as its target", status_of("dir/s").st_size, 1);
  EQUAL("has all modes", MODE("dir/s"), 0777);
  TRUE("leads to its target", holds("dir/s", "a"));
  EQUAL("is read", readlink("link", text, sizeof text), 4);
  TRUE("says its target", memcmp(text, "file", 4) == 0);
  EQUAL("is read in part", readlink("link", text, 2), 2);
  FAILS("that is none", readlink("file", text, sizeof text), EINVAL);
  FAILS("over a file", symlink("x", "file"), EEXIST);
  FAILS("over a dangling one", symlink("x", "dangling"), EEXIST);
  FAILS("to nothing", symlink("", "new"), ENOENT);
  memset(target, 'x', PATH_MAX);
  FAILS("to more than a path", symlink(target, "new"), ENAMETOOLONG);
  target[1023] = 0;
  WORKS("to 1023 bytes", symlink(target, "long"));
  EQUAL("to 1023 bytes is as long", status_of("long").st_size, 1023);
  FAILS("that dangles", open("dangling", O_RDONLY), ENOENT);
  FAILS("that loops", open("loop", O_RDONLY), ELOOP);
  FAILS("that loops on the way", open("loop/x", O_RDONLY), ELOOP);
  FAILS("as a directory that is none", open("link/x", O_RDONLY), ENOTDIR);
  FAILS("that dangles, O_EXCL", open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
  close(open_or_end("dangling", O_CREAT | O_WRONLY));
  EQUAL("that dangles is made by O_CREAT", TYPE("nowhere"), S_IFREG);
  WORKS("is removed", unlink("link"));
  TRUE("is removed alone", holds("file", "0123456789"));
}

static void mkdir_checks(void) {
  struct stat was = before(".");
  nlink_t links = status_of("dir").st_nlink;
  umask(027);
  WORKS("is made", mkdir("new", 0777));
  EQUAL("changes its parent's times", changed(".", was), MTIME | CTIME);
  EQUAL("obeys the mask", MODE("new"), 0750);
  umask(022);
  EQUAL("has two names", status_of("new").st_nlink, 2);
  MUST(mkdir("dir/sub", 0755));
  EQUAL("is a name of its parent", status_of("dir").st_nlink, links + 1);
  MUST(chmod("full", 02755));
  MUST(mkdir("full/sub", 0755));
  EQUAL("inherits setgid", MODE("full/sub"), 02755);
  write_file("full/new", "");
  EQUAL("does not give a file setgid", MODE("full/new"), 0644);
  FAILS("over a directory", mkdir("dir", 0755), EEXIST);
  FAILS("over a file", mkdir("file", 0755), EEXIST);
  FAILS("over a dangling symlink", mkdir("dangling", 0755), EEXIST);
  FAILS("below nothing", mkdir("none/x", 0755), ENOENT);
  FAILS("below a file", mkdir("file/x", 0755), ENOTDIR);
}

static void rmdir_checks(void) {
  FAILS("of a full one", rmdir("dir"), ENOTEMPTY);
  FAILS("of nothing", rmdir("none"), ENOENT);
  FAILS("of a file", rmdir("file"), ENOTDIR);
  FAILS("of .", rmdir("empty/."), EINVAL);
  FAILS("of ..", rmdir("dir/.."), ENOTEMPTY);
  MUST(symlink("empty", "to-empty"));
  FAILS("of a symlink", rmdir("to-empty"), ENOTDIR);
  FAILS("by unlink", unlink("empty"), EISDIR);
  int fd = open_or_end("empty", O_RDONLY | O_DIRECTORY);
  struct stat was = before(".");
  WORKS("of an empty one", rmdir("empty"));
  EQUAL("changes the parent's times", changed(".", was), MTIME | CTIME);
  FAILS("leaves an open one that takes nothing", mkdirat(fd, "x", 0755), ENOENT);
  EQUAL("leaves an open one without a name", status_of_fd(fd).st_nlink, 0);
  close(fd);
  MUST(unlink("dir/a"));
  FAILS("of one with a name left", rmdir("dir"), ENOTEMPTY);
  MUST(unlink("dir/b"));
  WORKS("of an emptied one", rmdir("dir"));
  TRUE("takes it away", !exists("dir"));
  WORKS("and made anew", mkdir("dir", 0700));
  TRUE("made anew it is empty", !exists("dir/a"));
  EQUAL("made anew it has its own mode", MODE("dir"), 0700);
  WORKS("of one made anew", rmdir("dir"));
  write_file("dir", "a file");
  TRUE("a file in its place", holds("dir", "a file"));
}

static void mknod_checks(void) {
  struct stat was = before("dir");
  WORKS("a fifo", mkfifo("dir/fifo", 0622));
  EQUAL("changes its directory's times", changed("dir", was), MTIME | CTIME);
  EQUAL("a fifo obeys the mask", MODE("dir/fifo"), 0600);
  EQUAL("a fifo is one", TYPE("dir/fifo"), S_IFIFO);
  FAILS("a fifo over a file", mkfifo("file", 0600), EEXIST);
  FAILS("a fifo over a fifo", mkfifo("fifo", 0600), EEXIST);
  FAILS("a fifo below a file", mkfifo("file/x", 0600), ENOTDIR);
  FAILS("a fifo without a reader", open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
  int fd = open_or_end("fifo", O_RDWR | O_NONBLOCK);
  char byte = 0;
  EQUAL("a fifo takes", write(fd, "f", 1), 1);
  EQUAL("a fifo gives", read(fd, &byte, 1) == 1 ? byte : 0, 'f');
  close(fd);
  WORKS("a file", mknod("plain", S_IFREG | 0640, 0));
  EQUAL("a file is one", TYPE("plain"), S_IFREG);
  WORKS("a socket", mknod("socket", S_IFSOCK | 0600, 0));
  EQUAL("a socket is one", TYPE("socket"), S_IFSOCK);
  FAILS("a socket is not opened", open("socket", O_RDONLY), ENXIO);
  FAILS("a character device", mknod("null", S_IFCHR | 0666, makedev(1, 3)), EPERM);
  FAILS("a block device", mknod("disk", S_IFBLK | 0600, makedev(7, 0)), EPERM);
  WORKS("what overlayfs calls a whiteout", mknod("dir/whiteout", S_IFCHR, 0));
  FAILS("a directory", mknod("directory", S_IFDIR | 0755, 0), EPERM);
}

static int exchange(const char *from, const char *to, unsigned flags) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void rename_file_checks(void) {
  ino_t ino = status_of("file").st_ino;
  struct stat was = before("dir"), file = status_of("file");
  WORKS("a file", rename("file", "dir/moved"));
  EQUAL("keeps the number", status_of("dir/moved").st_ino, ino);
  EQUAL("changes the ctime alone", changed("dir/moved", file), CTIME);
  EQUAL("changes the directory's times", changed("dir", was), MTIME | CTIME);
  TRUE("takes the old name away", !exists("file"));
  TRUE("keeps the content", holds("dir/moved", "0123456789"));
  int fd = open_or_end("other", O_RDONLY);
  WORKS("a file over a file", rename("dir/moved", "other"));
  TRUE("a file over a file is it", holds("other", "0123456789"));
  TRUE("what lay there is open still", fd_holds(fd, "other"));
  EQUAL("what lay there has no name", status_of_fd(fd).st_nlink, 0);
  close(fd);
  WORKS("one name of a pair onto the other", rename("pair1", "pair2"));
  TRUE("one name of a pair onto the other does nothing", exists("pair1") && exists("pair2"));
  WORKS("onto itself", rename("other", "other"));
  TRUE("onto itself does nothing", holds("other", "0123456789"));
  WORKS("a symlink", rename("link", "dir/link"));
  EQUAL("a symlink is moved itself", TYPE("dir/link"), S_IFLNK);
  WORKS("a fifo", rename("fifo", "dir/fifo"));
  EQUAL("a fifo is one", TYPE("dir/fifo"), S_IFIFO);
  WORKS("a file over a symlink", rename("noted", "dangling"));
  TRUE("a file over a symlink is it", TYPE("dangling") == S_IFREG && !exists("nowhere"));
  FAILS("nothing", rename("none", "x"), ENOENT);
  FAILS("below a file", rename("suid", "other/x"), ENOTDIR);
  FAILS("to another file system", rename("suid", "/dev/shm/x"), EXDEV);
  FAILS("a file over a directory", rename("suid", "dir"), EISDIR);
  FAILS("over what is there, NOREPLACE", exchange("suid", "other", RENAME_NOREPLACE), EEXIST);
  WORKS("to a new name, NOREPLACE", exchange("suid", "suid2", RENAME_NOREPLACE));
  EQUAL("keeps the mode", MODE("suid2"), 06755);
  WORKS("exchange of two files", exchange("suid2", "other", RENAME_EXCHANGE));
  TRUE("exchange of two files does it", holds("other", "suid") && holds("suid2", "0123456789"));
  FAILS("exchange with nothing", exchange("other", "none", RENAME_EXCHANGE), ENOENT);
  FAILS("exchange and NOREPLACE", exchange("other", "suid2", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
  WORKS("back onto the first name", rename("suid2", "file"));
  TRUE("back onto the first name is it", holds("file", "0123456789"));
  WORKS("leaving a whiteout", exchange("file", "whited", RENAME_WHITEOUT));
}

static void rename_dir_checks(void) {
  FAILS("into itself", rename("dir", "dir/sub"), EINVAL);
  int error = ERRNO_OF(rename("empty", "full")); /* XFS says EEXIST, which POSIX allows */
  check_errno("over a full one", error == EEXIST ? ENOTEMPTY : error, ENOTEMPTY);
  FAILS("over a file", rename("empty", "file"), ENOTDIR);
  FAILS("of .", rename("dir/.", "x"), EBUSY);
  FAILS("of ..", rename("dir/..", "x"), EBUSY);
  FAILS("over its parent", rename("full/x", "full"), ENOTEMPTY);
  ino_t ino = status_of("dir").st_ino;
  WORKS("to a new name", rename("dir", "renamed"));
  TRUE("keeps what it holds", holds("renamed/a", "a") || holds("dir/a", "a"));
  EQUAL("keeps the number", status_of("renamed").st_ino, ino);
  WORKS("over an empty one", rename("full", "empty"));
  WORKS("exchange with a file", exchange("many", "other", RENAME_EXCHANGE));
  MUST(mkdir("mine", 0755));
  write_file("mine/x", "x");
  WORKS("a new one", rename("mine", "mine2"));
  TRUE("a new one keeps what it holds", holds("mine2/x", "x"));
  MUST(mkdir("target", 0755));
  WORKS("a new one over an empty one", rename("mine2", "target"));
  TRUE("a new one over an empty one is it", holds("target/x", "x"));
  WORKS("a new one to another parent", rename("target", "sparse.d"));
}

static void unlink_checks(void) {
  FAILS("of a directory", unlink("dir"), EISDIR);
  FAILS("of nothing", unlink("none"), ENOENT);
  FAILS("below a file", unlink("file/x"), ENOTDIR);
  FAILS("with a slash", unlink("file/"), ENOTDIR);
  int fd = open_or_end("file", O_RDWR);
  struct stat was = before(".");
  WORKS("of an open file", unlink("file"));
  EQUAL("changes the directory's times", changed(".", was), MTIME | CTIME);
  TRUE("takes the name away", !exists("file"));
  TRUE("is read still", fd_holds(fd, "0123456789"));
  EQUAL("is written still", pwrite(fd, "X", 1, 0), 1);
  TRUE("shows what was written", fd_holds(fd, "X123456789"));
  EQUAL("has no name left", status_of_fd(fd).st_nlink, 0);
  WORKS("takes a mode still", fchmod(fd, 0600));
  close(fd);
  FAILS("a second time", unlink("file"), ENOENT);
  write_file("file", "new");
  TRUE("its name is another file's", holds("file", "new"));
  struct stat pair = before("pair1");
  MUST(unlink("pair2"));
  EQUAL("of a pair changes the other's ctime", changed("pair1", pair), CTIME);
  EQUAL("of a pair leaves one name", status_of("pair1").st_nlink, 1);
  TRUE("of a pair leaves the content", holds("pair1", "pair"));
  WORKS("of a fifo", unlink("fifo"));
  fd = open_or_end("other", O_RDONLY);
  MUST(unlink("other"));
  TRUE("of a file open for reading: read still", fd_holds(fd, "other"));
  close(fd);
}

/* The names of a directory, as bits of f00…f39; -1 when one came twice. `step` is called after each. */
static long long names_in(DIR *stream, void (*step)(int)) {
  long long seen = 0;
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (entry->d_name[0] != 'f') continue;
    int number = atoi(entry->d_name + 1);
    if (seen >> number & 1) return -1;
    seen |= 1LL << number;
    if (step != NULL) step(number);
  }
  return seen;
}

/* Removes a name that was not given yet, and one that was. */
static void remove_neighbours(int number) {
  char name[32];
  if (number % 4 != 0) return;
  snprintf(name, sizeof name, "many/f%02d", number + 1);
  unlink(name);
  snprintf(name, sizeof name, "many/f%02d", number);
  unlink(name);
}

/* Whether what a directory says of its names, or of its parent alone, is what stat says. */
static int agree_with_stat(const char *path, int parent) {
  DIR *stream = opendir(path);
  int agree = 1;
  for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
    struct stat status;
    if ((strcmp(entry->d_name, "..") == 0) != parent) continue;
    if (fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return 0;
    if (status.st_ino != entry->d_ino || (mode_t)DTTOIF(entry->d_type) != (status.st_mode & S_IFMT)) agree = 0;
  }
  closedir(stream);
  return agree;
}

static void readdir_checks(void) {
  const long long all = (1LL << 40) - 1;
  DIR *stream = opendir("many");
  must(stream != NULL, "opendir", __FILE__, __LINE__);
  EQUAL("gives every name once", names_in(stream, NULL), all);
  rewinddir(stream);
  EQUAL("gives them again", names_in(stream, NULL), all);
  rewinddir(stream);
  for (int i = 0; i < 10; ++i)
    readdir(stream);
  long place = telldir(stream);
  struct dirent *entry = readdir(stream);
  char next[256];
  snprintf(next, sizeof next, "%s", entry->d_name);
  while (readdir(stream) != NULL) {
  }
  seekdir(stream, place);
  entry = readdir(stream);
  TRUE("goes on from a place", entry != NULL && strcmp(entry->d_name, next) == 0);
  closedir(stream);
  TRUE("agrees with stat of files", agree_with_stat("many", 0));
  TRUE("agrees with stat of all kinds", agree_with_stat(".", 0));
  TRUE("agrees with stat of the parent", agree_with_stat("many", 1));
  stream = opendir("many");
  long long seen = names_in(stream, remove_neighbours);
  const long long kept = 0xcccccccccccccccc & all; /* 2 and 3 of each four are never removed */
  EQUAL("gives all that stay while others go", seen & kept, kept);
  rewinddir(stream);
  EQUAL("gives none that went", names_in(stream, NULL), kept);
  write_file("many/f00", "");
  rewinddir(stream);
  EQUAL("gives a new one", names_in(stream, NULL), kept | 1);
  closedir(stream);
}

static void limits_checks(void) {
  static char name[NAME_MAX + 2], path[PATH_MAX + 1];
  memset(name, 'n', NAME_MAX);
  name[NAME_MAX] = 0;
  WORKS("a name of 255 bytes", mkdir(name, 0755));
  WORKS("a name of 255 bytes goes", rmdir(name));
  int fd = open(name, O_CREAT | O_WRONLY, 0644);
  TRUE("a file's name of 255 bytes", fd >= 0);
  close(fd);
  WORKS("to a name of 255 bytes", rename("file", name));
  TRUE("as a name of 255 bytes", holds(name, "0123456789"));
  WORKS("from a name of 255 bytes", rename(name, "file"));
  name[NAME_MAX] = 'n';
  FAILS("a name of 256 bytes", mkdir(name, 0755), ENAMETOOLONG);
  FAILS("no name of 256 bytes", open(name, O_RDONLY), ENAMETOOLONG);
  FAILS("to a name of 256 bytes", rename("file", name), ENAMETOOLONG);
  FAILS("a symlink's name of 256 bytes", symlink("x", name), ENAMETOOLONG);
  memset(path, '/', PATH_MAX);
  path[0] = '.';
  memcpy(path + PATH_MAX - 5, "file", 5);
  TRUE("a path of 4095 bytes", strlen(path) == PATH_MAX - 1 && access(path, F_OK) == 0);
  memcpy(path + PATH_MAX - 5, "files", 6);
  FAILS("a path of 4096 bytes", access(path, F_OK), ENAMETOOLONG);
  FAILS("no path", access("", F_OK), ENOENT);
  FAILS("another case", access("FILE", F_OK), ENOENT);
  const char *const odd[] = {"a\nb", "\xff\xfe", "...", " ", "\\", "a:b,c", "\x01"};
  int made = 0;
  for (int i = 0; i < 7; ++i) {
    write_file(odd[i], odd[i]);
    made += holds(odd[i], odd[i]) && unlink(odd[i]) == 0;
  }
  EQUAL("names of odd bytes", made, 7);
}

const struct check_group names_groups[] = {
    {"link", link_checks, 0},         {"symlink", symlink_checks, 0},         {"mkdir", mkdir_checks, 0},
    {"rmdir", rmdir_checks, 0},       {"mknod", mknod_checks, 0},             {"rename", rename_file_checks, 0},
    {"rename-dir", rename_dir_checks, 0}, {"unlink", unlink_checks, 0},       {"readdir", readdir_checks, 0},
    {"limits", limits_checks, 0},     {NULL, NULL, 0},
};
