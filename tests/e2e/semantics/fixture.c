/* fixture: what each group of checks finds in its directory. The image has the same (conformance_image.py). */
#include <sys/xattr.h>

#include "check.h"

static void make_sparse(void) {
  static char block[4096];
  memset(block, 'x', sizeof block);
  int fd = open_or_end("sparse", O_WRONLY | O_CREAT | O_EXCL);
  MUST(pwrite(fd, block, sizeof block, 512 << 10));
  MUST(ftruncate(fd, 1 << 20));
  close(fd);
}

static void copy_program(const char *to) {
  static char buffer[1 << 16];
  int in = open_or_end(self, O_RDONLY), out = open_or_end(to, O_WRONLY | O_CREAT | O_EXCL);
  for (ssize_t got; (got = read(in, buffer, sizeof buffer)) > 0;)
    MUST(write(out, buffer, (size_t)got));
  MUST(fchmod(out, 0755));
  close(in);
  close(out);
}

void make_fixture(const char *dir, int needs) {
  MUST(mkdir(dir, 0755));
  MUST(chdir(dir));
  write_file("file", "0123456789");
  write_file("other", "other");
  write_file("pair1", "pair");
  MUST(link("pair1", "pair2"));
  MUST(symlink("file", "link"));
  MUST(symlink("nowhere", "dangling"));
  MUST(symlink("loop", "loop"));
  MUST(mkdir("dir", 0755));
  write_file("dir/a", "a");
  write_file("dir/b", "b");
  MUST(mkdir("full", 0755));
  write_file("full/x", "x");
  MUST(mkdir("empty", 0755));
  MUST(mkfifo("fifo", 0644));
  make_sparse();
  write_file("suid", "suid");
  MUST(chmod("suid", 06755));
  write_file("noted", "noted");
  MUST(setxattr("noted", "user.note", "noted", 5, 0));
  if (needs & needs_program) copy_program("program");
  write_file("theirs", "theirs");
  if (chown("theirs", 1000, 1001) == 0) MUST(chmod("theirs", 04751)); /* where there are such ids */
  MUST(mkdir("many", 0755));
  for (int i = 0; i < 40; ++i) {
    char name[16];
    snprintf(name, sizeof name, "many/f%02d", i);
    write_file(name, name + 5);
  }
}
