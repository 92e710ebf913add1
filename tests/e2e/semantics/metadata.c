/* metadata: modes, owners, times, attributes, and what says which file is which. */
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "check.h"

static void chmod_checks(void) {
  ino_t ino = status_of("file").st_ino;
  struct stat was = before("file");
  WORKS("of a file", chmod("file", 0600));
  EQUAL("sets the mode", MODE("file"), 0600);
  EQUAL("changes the ctime alone", changed("file", was), CTIME);
  EQUAL("keeps the number", status_of("file").st_ino, ino);
  TRUE("keeps the content", holds("file", "0123456789"));
  MUST(chmod("file", 07777));
  EQUAL("sets all bits", MODE("file"), 07777);
  MUST(chmod("file", 0));
  EQUAL("takes all bits", MODE("file"), 0);
  TRUE("root reads all the same", holds("file", "0123456789"));
  WORKS("by a symlink", chmod("link", 0640));
  EQUAL("by a symlink is the file's", MODE("file"), 0640);
  EQUAL("by a symlink leaves it", MODE("link"), 0777);
  WORKS("of a directory", chmod("dir", 01770));
  EQUAL("of a directory sets the mode", MODE("dir"), 01770);
  TRUE("of a directory leaves what is in it", holds("dir/a", "a") && holds("dir/b", "b"));
  EQUAL("of a fifo", chmod("fifo", 0602) == 0 ? MODE("fifo") : 0, 0602);
  MUST(chmod("pair1", 0611));
  EQUAL("of a pair is of both names", MODE("pair2"), 0611);
  EQUAL("of nobody: setuid of the image", MODE("suid"), 06755);
  FAILS("of nothing", chmod("none", 0), ENOENT);
  FAILS("below a file", chmod("file/x", 0), ENOTDIR);
  FAILS("of a loop", chmod("loop", 0), ELOOP);
  FAILS("of a dangling symlink", chmod("dangling", 0), ENOENT);
}

static void chown_checks(void) {
  struct stat was = before("file");
  WORKS("to the owner", chown("file", 0, 0));
  EQUAL("changes the ctime alone", changed("file", was), CTIME);
  WORKS("to the owner of a setuid file", chown("suid", 0, 0));
  EQUAL("takes setuid and setgid", MODE("suid"), 0755);
  MUST(chmod("dir", 06755));
  MUST(chown("dir", 0, 0));
  EQUAL("leaves them to a directory", MODE("dir"), 06755);
  MUST(chmod("other", 02744));
  MUST(chown("other", 0, 0));
  EQUAL("setgid without x goes with its owner's group", MODE("other") & 0744, 0744);
  FAILS("to an id that is not here", chown("file", 3000000000U, (gid_t)-1), EINVAL);
  FAILS("to a group that is not here", chown("file", (uid_t)-1, 3000000000U), EINVAL);
  WORKS("of a symlink itself", lchown("dangling", 0, 0));
  FAILS("of what a dangling symlink leads to", chown("dangling", 0, 0), ENOENT);
  FAILS("of nothing", chown("none", 0, 0), ENOENT);
}

static int set_times(const char *path, struct timespec access, struct timespec write) {
  const struct timespec times[2] = {access, write};
  return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static int has_times(const char *path, struct timespec access, struct timespec write) {
  struct stat is = status_of(path);
  return memcmp(&is.st_atim, &access, sizeof access) == 0 && memcmp(&is.st_mtim, &write, sizeof write) == 0;
}

static void times_checks(void) {
  const struct timespec one = {1234567890, 123456789}, two = {1500000000, 999999999}, omit = {0, UTIME_OMIT},
                        now = {0, UTIME_NOW};
  struct stat was = before("file");
  WORKS("are set", set_times("file", one, two));
  TRUE("are set to the nanosecond", has_times("file", one, two));
  EQUAL("set change the ctime", changed("file", was) & CTIME, CTIME);
  WORKS("of access alone", set_times("file", two, omit));
  TRUE("of access alone leave the other", has_times("file", two, two));
  WORKS("of writing alone", set_times("file", omit, one));
  TRUE("of writing alone leave the other", has_times("file", two, one));
  was = before("file");
  WORKS("both left", set_times("file", omit, omit));
  EQUAL("both left change nothing", changed("file", was), 0);
  WORKS("now", set_times("file", now, now));
  EQUAL("now is now", changed("file", was), MTIME | CTIME);
  WORKS("of a directory", set_times("dir", one, two));
  TRUE("of a directory are set", has_times("dir", one, two));
  WORKS("of a symlink", set_times("dangling", one, two));
  TRUE("of a symlink are set", has_times("dangling", one, two));
  WORKS("of a fifo", set_times("fifo", one, two));
  TRUE("of a fifo are set", has_times("fifo", one, two));
  const struct timespec early = {-1, 5}, late = {4102444800, 0}, never = {0, 1000000000};
  WORKS("before 1970", set_times("file", early, early));
  TRUE("before 1970 are set", has_times("file", early, early));
  WORKS("in 2100", set_times("file", late, late));
  TRUE("in 2100 are set", has_times("file", late, late));
  FAILS("of too many nanoseconds", set_times("file", never, never), EINVAL);
  FAILS("of nothing", set_times("none", now, now), ENOENT);
  const struct timespec both[2] = {one, two};
  int fd = open_or_end("other", O_RDONLY);
  WORKS("by a reader", futimens(fd, both));
  TRUE("by a reader are set", has_times("other", one, two));
  was = before("other");
  MUST(chmod("other", 0600));
  TRUE("stay when a mode is set", has_times("other", one, two));
  close(fd);
  was = before("dir");
  write_file("dir/a", "more");
  EQUAL("of a directory stay when a file in it is written", changed("dir", was), 0);
  MUST(set_times("pair1", one, two));
  TRUE("of a pair are of both names", has_times("pair2", one, two));
}

static int has(const char *path, const char *name) {
  char list[1024];
  ssize_t size = listxattr(path, list, sizeof list);
  for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1)
    if (strcmp(list + at, name) == 0) return 1;
  return 0;
}

static void xattr_checks(void) {
  static char value[2048], got[2048];
  EQUAL("is read", getxattr("noted", "user.note", got, sizeof got), 5);
  TRUE("is what was set", memcmp(got, "noted", 5) == 0);
  TRUE("is listed", has("noted", "user.note"));
  struct stat was = before("noted");
  WORKS("is set anew", setxattr("noted", "user.note", "new", 3, XATTR_REPLACE));
  EQUAL("changes the ctime alone", changed("noted", was), CTIME);
  EQUAL("is as set anew", getxattr("noted", "user.note", got, sizeof got), 3);
  TRUE("leaves the content", holds("noted", "noted"));
  FAILS("is not made twice", setxattr("noted", "user.note", "x", 1, XATTR_CREATE), EEXIST);
  FAILS("of a short buffer", getxattr("noted", "user.note", got, 1), ERANGE);
  WORKS("goes", removexattr("noted", "user.note"));
  FAILS("that went", getxattr("noted", "user.note", got, sizeof got), ENODATA);
  FAILS("that went goes", removexattr("noted", "user.note"), ENODATA);
  FAILS("that went is not replaced", setxattr("noted", "user.note", "x", 1, XATTR_REPLACE), ENODATA);
  TRUE("that went is not listed", !has("noted", "user.note"));
  memset(value, 'v', sizeof value);
  WORKS("of 2048 bytes", setxattr("file", "user.large", value, sizeof value, 0));
  TRUE("of 2048 bytes is read",
       getxattr("file", "user.large", got, sizeof got) == 2048 && memcmp(got, value, sizeof got) == 0);
  WORKS("of no bytes", setxattr("file", "user.none", "", 0, 0));
  EQUAL("of no bytes is read", getxattr("file", "user.none", got, sizeof got), 0);
  WORKS("of a directory", setxattr("dir", "user.note", "d", 1, 0));
  EQUAL("of a directory is read", getxattr("dir", "user.note", got, sizeof got), 1);
  TRUE("of a directory leaves what is in it", holds("dir/a", "a") && holds("dir/b", "b"));
  FAILS("of a symlink", lsetxattr("link", "user.note", "x", 1, 0), EPERM);
  FAILS("of a fifo", setxattr("fifo", "user.note", "x", 1, 0), EPERM);
  FAILS("of the host's", setxattr("file", "trusted.note", "x", 1, 0), EPERM);
  FAILS("of no kind", setxattr("file", "nothing.note", "x", 1, 0), EOPNOTSUPP);
  MUST(setxattr("pair1", "user.pair", "p", 1, 0));
  TRUE("of a pair is of both names", has("pair2", "user.pair"));
  /* Version 2, CAP_NET_BIND_SERVICE permitted: struct vfs_cap_data, stored with this container's root. */
  const unsigned char capability[20] = {0, 0, 0, 2, 0, 4};
  WORKS("a capability", setxattr("program", "security.capability", capability, sizeof capability, 0));
  TRUE("a capability is read", getxattr("program", "security.capability", got, sizeof got) >= 20);
  int fd = open_or_end("program", O_WRONLY | O_APPEND);
  MUST(write(fd, "x", 1));
  close(fd);
  FAILS("a capability goes when the file is written", getxattr("program", "security.capability", got, sizeof got), ENODATA);
  WORKS("of overlayfs's names", setxattr("dir", "user.overlay.opaque", "y", 1, 0));
  EQUAL("of overlayfs's names is read", getxattr("dir", "user.overlay.opaque", got, sizeof got), 1);
  TRUE("of overlayfs's names means nothing", holds("dir/a", "a") && holds("dir/b", "b"));
}

static void identity_checks(void) {
  struct stat file = status_of("file"), other = status_of("other"), dir = status_of("dir"), root = status_of("/");
  TRUE("two files have two numbers", file.st_ino != other.st_ino);
  EQUAL("a number is the same again", status_of("file").st_ino, file.st_ino);
  int fd = open_or_end("file", O_RDONLY);
  EQUAL("a number is the same by a descriptor", status_of_fd(fd).st_ino, file.st_ino);
  close(fd);
  write_file("file", "written");
  EQUAL("a number is the same after a write", status_of("file").st_ino, file.st_ino);
  MUST(chmod("dir", 0700));
  write_file("dir/a", "w");
  EQUAL("a directory's number is the same after a write", status_of("dir").st_ino, dir.st_ino);
  ino_t fifo = status_of("fifo").st_ino, link = status_of("link").st_ino;
  EQUAL("a fifo's number is the same after a mode", chmod("fifo", 0600) == 0 ? status_of("fifo").st_ino : 0, fifo);
  MUST(lchown("link", 0, 0));
  EQUAL("a symlink's number is the same after an owner", status_of("link").st_ino, link);
  EQUAL("a file is on its directory's device", file.st_dev, dir.st_dev);
  EQUAL("a file is on the root's device", file.st_dev, root.st_dev);
  EQUAL("a device is the same after a write", status_of("file").st_dev, file.st_dev);
  FILE *table = fopen("/proc/self/mountinfo", "re");
  unsigned major_number = 0, minor_number = 0;
  char point[4096];
  must(table != NULL, "mountinfo", __FILE__, __LINE__);
  while (fscanf(table, "%*d %*d %u:%u %*s %4095s%*[^\n]", &major_number, &minor_number, point) == 3 && strcmp(point, "/") != 0) {
  }
  fclose(table);
  EQUAL("the root's device is what mountinfo says", root.st_dev, makedev(major_number, minor_number));
  struct statvfs room;
  MUST(statvfs(".", &room));
  TRUE("there is room", room.f_bavail > 0 && room.f_namemax == 255);
}

const struct check_group metadata_groups[] = {
    {"chmod", chmod_checks, 0}, {"chown", chown_checks, 0}, {"times", times_checks, 0},
    {"xattr", xattr_checks, needs_program}, {"identity", identity_checks, 0}, {NULL, NULL, 0},
};
