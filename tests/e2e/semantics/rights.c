/* rights: what is refused to whom. Asks for more ids than root's. */
#include <grp.h>
#include <sys/wait.h>

#include "check.h"

enum { alice = 1000, bob = 1001 };

/* Runs checks as another user, who has no capability and no group but his own. */
static void as_user(uid_t uid, void (*checks)(void)) {
  int status = 0;
  pid_t child = fork();
  MUST(child);
  if (child == 0) {
    MUST(setgroups(0, NULL));
    MUST(setresgid(uid, uid, uid));
    MUST(setresuid(uid, uid, uid));
    checks();
    exit(0);
  }
  MUST(waitpid(child, &status, 0));
  must(status == 0, "the checks as another user", __FILE__, __LINE__);
}

static void alice_owns(void) {
  WORKS("the owner sets the mode", chmod("file", 04770));
  EQUAL("the owner sets setuid", MODE("file"), 04770);
  int fd = open_or_end("file", O_WRONLY | O_APPEND);
  MUST(write(fd, "x", 1));
  close(fd);
  EQUAL("a write takes setuid", MODE("file"), 0770);
  WORKS("the owner sets setgid", chmod("file", 02770));
  WORKS("the owner gives it to his group", chown("file", (uid_t)-1, alice));
  EQUAL("given to a group it loses setgid", MODE("file"), 0770);
  FAILS("the owner does not give it away", chown("file", bob, (gid_t)-1), EPERM);
  FAILS("the owner gives it to no other group", chown("file", (uid_t)-1, bob), EPERM);
  const struct timespec times[2] = {{1, needs_ids}, {2, 2}};
  WORKS("the owner sets the times", utimensat(AT_FDCWD, "file", times, 0));
  MUST(chmod("file", 0));
  FAILS("the owner does not read what nobody may", open("file", O_RDONLY), EACCES);
}

static void bob_has_nothing(void) {
  FAILS("others do not set the mode", chmod("file", 0777), EPERM);
  FAILS("others do not set the owner", chown("file", bob, bob), EPERM);
  const struct timespec times[2] = {{1, needs_ids}, {2, 2}};
  FAILS("others do not set the times", utimensat(AT_FDCWD, "file", times, 0), EPERM);
  FAILS("others do not set them to now", utimensat(AT_FDCWD, "file", NULL, 0), EACCES);
  FAILS("others do not read", open("file", O_RDONLY), EACCES);
  FAILS("others do not write", open("other", O_WRONLY), EACCES);
  FAILS("others do not cut", truncate("other", 0), EACCES);
  WORKS("others read what they may", access("other", R_OK));
  FAILS("others do not execute a file", access("other", X_OK), EACCES);
  FAILS("others make nothing", open("dir/new", O_CREAT | O_WRONLY, 0600), EACCES);
  FAILS("others make no directory", mkdir("dir/new", 0755), EACCES);
  FAILS("others make no symlink", symlink("x", "dir/new"), EACCES);
  FAILS("others make no fifo", mkfifo("dir/new", 0600), EACCES);
  FAILS("others remove nothing", unlink("dir/a"), EACCES);
  FAILS("others rename nothing", rename("dir/a", "dir/new"), EACCES);
  FAILS("others remove no directory", rmdir("empty"), EACCES);
  FAILS("others do not look behind a wall", access("full/x", F_OK), EACCES);
  FAILS("others do not list", open("many", O_RDONLY | O_DIRECTORY), EACCES);
  WORKS("others pass what they do not list", access("many/f00", R_OK));
}

static void bob_in_sticky(void) {
  FAILS("others' is not removed", unlink("sticky/alices"), EPERM);
  FAILS("others' is not renamed", rename("sticky/alices", "sticky/new"), EPERM);
  FAILS("others' is not replaced", rename("sticky/bobs", "sticky/alices"), EPERM);
  FAILS("others' directory is not removed", rmdir("sticky/alices.d"), EPERM);
  WORKS("one's own is renamed", rename("sticky/bobs", "sticky/new"));
  WORKS("one's own is removed", unlink("sticky/new"));
  int fd = open("sticky/made", O_CREAT | O_EXCL | O_WRONLY, 0600);
  TRUE("one's own is made", fd >= 0);
  close(fd);
  EQUAL("one's own is of the maker", status_of("sticky/made").st_uid, bob);
}

static void alice_in_her_sticky(void) {
  WORKS("the directory's owner removes others'", unlink("sticky/bobs"));
}

static void make_owned(const char *path, uid_t owner) {
  write_file(path, "x");
  MUST(chown(path, owner, owner));
}

static void permission_checks(void) {
  MUST(chown("file", alice, 0));
  EQUAL("an owner is set", status_of("file").st_uid, alice);
  as_user(alice, alice_owns);
  MUST(chmod("full", 0700));
  MUST(chmod("many", 0711));
  as_user(bob, bob_has_nothing);
  MUST(chown("full", bob, bob));
  EQUAL("a directory is given away", status_of("full").st_uid, bob);
  TRUE("a directory given away keeps what it holds", holds("full/x", "x"));
  MUST(chown("pair1", alice, alice));
  EQUAL("an owner of a pair is of both names", status_of("pair2").st_uid, alice);
  MUST(lchown("dangling", bob, bob));
  EQUAL("an owner of a symlink", status_of("dangling").st_uid, bob);
  MUST(chmod("dir", 02755));
  MUST(chown("dir", 0, bob));
  write_file("dir/new", "");
  EQUAL("a setgid directory gives its group", status_of("dir/new").st_gid, bob);
}

static void sticky_checks(void) {
  MUST(rename("dir/a", "a"));
  MUST(mkdir("sticky", 0755));
  MUST(chmod("sticky", 01777));
  make_owned("sticky/alices", alice);
  make_owned("sticky/bobs", bob);
  MUST(mkdir("sticky/alices.d", 0755));
  MUST(chown("sticky/alices.d", alice, alice));
  as_user(bob, bob_in_sticky);
  make_owned("sticky/bobs", bob);
  MUST(chown("sticky", alice, alice));
  as_user(alice, alice_in_her_sticky);
}

static void run_as_its_owner(void) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    execl("./program", "program", "id", NULL);
    _exit(255);
  }
  MUST(waitpid(child, &status, 0));
  EQUAL("a setuid program is its owner's", WEXITSTATUS(status), alice % 251);
}

static void execute_nothing(void) {
  execl("./other", "other", NULL);
  EQUAL("a file without x is not executed", errno, EACCES);
}

static void setuid_checks(void) {
  MUST(chown("program", alice, alice));
  MUST(chmod("program", 04755));
  as_user(bob, run_as_its_owner);
  as_user(bob, execute_nothing);
  struct stat theirs = status_of("theirs");
  EQUAL("an owner of the image's", theirs.st_uid, alice);
  EQUAL("a group of the image's", theirs.st_gid, bob);
  EQUAL("modes of what is not root's", theirs.st_mode & 07777, 04751);
  MUST(chown("theirs", bob, (gid_t)-1));
  EQUAL("given away it keeps its group", status_of("theirs").st_gid, bob);
  EQUAL("given away it loses setuid", MODE("theirs"), 0751);
}

const struct check_group rights_groups[] = {
    {"permission", permission_checks, needs_ids}, {"sticky", sticky_checks, needs_ids}, {"setuid", setuid_checks, needs_ids | needs_program}, {NULL, NULL, 0},
};
