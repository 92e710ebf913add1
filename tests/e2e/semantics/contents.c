/* contents: opening, reading, writing, cutting, holes, mappings, and locks on it. */
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "check.h"

/* The errno of executing `path` in a child, 0 when it ran and ended well. */
static int run_errno(const char *path) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    execl(path, path, "id", NULL);
    _exit(errno);
  }
  MUST(waitpid(child, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void open_checks(void) {
  FAILS("of nothing", open("none", O_RDONLY), ENOENT);
  FAILS("below nothing", open("none/x", O_CREAT | O_WRONLY, 0600), ENOENT);
  FAILS("below a file", open("file/x", O_RDONLY), ENOTDIR);
  FAILS("of a file with a slash", open("file/", O_RDONLY), ENOTDIR);
  FAILS("O_CREAT with a slash", open("new/", O_CREAT | O_WRONLY, 0600), EISDIR);
  FAILS("O_CREAT of a directory", open("dir", O_CREAT | O_RDONLY, 0600), EISDIR);
  FAILS("of a directory to write", open("dir", O_WRONLY), EISDIR);
  FAILS("of a directory to cut", open("dir", O_RDONLY | O_TRUNC), EISDIR);
  FAILS("O_EXCL of a file", open("file", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
  FAILS("O_EXCL of a symlink", open("link", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
  FAILS("O_NOFOLLOW of a symlink", open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
  FAILS("O_DIRECTORY of a file", open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
  FAILS("O_DIRECTORY of a symlink to a file", open("link", O_RDONLY | O_DIRECTORY), ENOTDIR);
  struct stat was = before("dir");
  umask(027);
  close(open("dir/new", O_CREAT | O_EXCL | O_WRONLY, 0666));
  umask(022);
  EQUAL("O_CREAT obeys the mask", MODE("dir/new"), 0640);
  EQUAL("O_CREAT changes the directory's times", changed("dir", was), MTIME | CTIME);
  was = before("dir");
  close(open_or_end("dir/a", O_CREAT | O_WRONLY));
  EQUAL("O_CREAT of what is there changes none", changed("dir", was), 0);
  TRUE("O_CREAT of what is there leaves it", holds("dir/a", "a"));
  was = before("other");
  close(open_or_end("other", O_WRONLY | O_TRUNC));
  EQUAL("O_TRUNC cuts", status_of("other").st_size, 0);
  EQUAL("O_TRUNC changes the times", changed("other", was), MTIME | CTIME);
  close(open_or_end("noted", O_RDONLY | O_TRUNC));
  EQUAL("O_TRUNC of a reader cuts", status_of("noted").st_size, 0);
  int fd = open_or_end("file", O_WRONLY | O_APPEND);
  MUST(lseek(fd, 0, SEEK_SET));
  MUST(write(fd, "+", 1));
  TRUE("O_APPEND writes at the end", holds("file", "0123456789+"));
  FAILS("a writer does not read", read(fd, &was, 1), EBADF);
  close(fd);
  fd = open_or_end("link", O_PATH | O_NOFOLLOW);
  EQUAL("O_PATH of a symlink is it", status_of_fd(fd).st_mode & S_IFMT, S_IFLNK);
  FAILS("O_PATH does not read", read(fd, &was, 1), EBADF);
  close(fd);
  fd = open_or_end("dir", O_RDONLY | O_DIRECTORY);
  FAILS("a directory is not read", read(fd, &was, 1), EISDIR);
  WORKS("a directory is synced", fsync(fd));
  close(fd);
  fd = open_or_end("file", O_WRONLY);
  WORKS("a file is synced", fsync(fd));
  close(fd);
  FAILS("of a program that runs, to write", open(self, O_WRONLY), ETXTBSY);
  FAILS("of a program that runs, to cut", truncate(self, 0), ETXTBSY);
  EQUAL("a program runs", run_errno("./program"), 0);
  fd = open_or_end("program", O_WRONLY);
  EQUAL("a program that is written does not run", run_errno("./program"), ETXTBSY);
  close(fd);
  EQUAL("a program that was written runs", run_errno("./program"), 0);
  EQUAL("a file that is no program does not", run_errno("./file"), EACCES);
}

/* What a descriptor shows that was open before the file was first written. */
static void open_before_checks(void) {
  int reader = open_or_end("file", O_RDONLY), path = open_or_end("file", O_PATH);
  struct stat was = status_of_fd(reader);
  const char *seen = mmap(NULL, 10, PROT_READ, MAP_SHARED, reader, 0);
  must(seen != MAP_FAILED && seen[0] == '0', "mmap", __FILE__, __LINE__);
  int writer = open_or_end("file", O_RDWR);
  MUST(write(writer, "written", 7));
  TRUE("a reader sees what is written", fd_holds(reader, "written789"));
  TRUE("a mapping sees what is written", memcmp(seen, "written789", 10) == 0);
  TRUE("a new reader sees what is written", holds("file", "written789"));
  MUST(ftruncate(writer, 20));
  EQUAL("a reader's status says the size", status_of_fd(reader).st_size, 20);
  EQUAL("a reader's status is of the same file", status_of_fd(reader).st_ino, status_of("file").st_ino);
  EQUAL("the number is as before", was.st_ino, status_of("file").st_ino);
  MUST(fchmod(writer, 0600));
  EQUAL("a reader's status says the mode", status_of_fd(reader).st_mode & 07777, 0600);
  EQUAL("an O_PATH's status says the mode", status_of_fd(path).st_mode & 07777, 0600);
  int other = open_or_end("other", O_RDONLY);
  WORKS("a mode by a reader", fchmod(other, 0640));
  EQUAL("a mode by a reader is the file's", MODE("other"), 0640);
  munmap((void *)seen, 10);
  close(reader), close(path), close(writer), close(other);
}

static void truncate_checks(void) {
  struct stat was = before("file");
  WORKS("shorter", truncate("file", 4));
  TRUE("shorter is the beginning", holds("file", "0123"));
  EQUAL("changes the times", changed("file", was), MTIME | CTIME);
  WORKS("longer", truncate("file", 6));
  int fd = open_or_end("file", O_RDWR);
  char end[6] = {0};
  TRUE("longer ends in zeroes", pread(fd, end, 6, 0) == 6 && memcmp(end, "0123\0", 6) == 0);
  WORKS("by a descriptor", ftruncate(fd, 1));
  TRUE("by a descriptor is the beginning", holds("file", "0"));
  EQUAL("a descriptor's place stays", lseek(fd, 0, SEEK_CUR), 0);
  FAILS("to less than nothing", ftruncate(fd, -1), EINVAL);
  close(fd);
  fd = open_or_end("file", O_RDONLY);
  FAILS("by a reader", ftruncate(fd, 0), EINVAL);
  close(fd);
  WORKS("by a symlink", truncate("link", 0));
  EQUAL("by a symlink is the file's", status_of("file").st_size, 0);
  FAILS("of a directory", truncate("dir", 0), EISDIR);
  FAILS("of a fifo", truncate("fifo", 0), EINVAL);
  FAILS("of nothing", truncate("none", 0), ENOENT);
  FAILS("below a file", truncate("file/x", 0), ENOTDIR);
  FAILS("of a loop", truncate("loop", 0), ELOOP);
  WORKS("to a gigabyte", truncate("other", 1 << 30));
  TRUE("to a gigabyte takes no room", status_of("other").st_blocks * 512 < 1 << 20);
}

static void holes_checks(void) {
  static char block[4096], zeroes[4096];
  int fd = open_or_end("sparse", O_RDONLY);
  TRUE("take no room", status_of("sparse").st_blocks * 512 <= 128 << 10);
  EQUAL("the first is at the start", lseek(fd, 0, SEEK_HOLE), 0);
  EQUAL("data is found", lseek(fd, 0, SEEK_DATA), 512 << 10);
  EQUAL("data is found in its midst", lseek(fd, (512 << 10) + 5, SEEK_DATA), (512 << 10) + 5);
  EQUAL("the next is found", lseek(fd, 512 << 10, SEEK_HOLE), (512 << 10) + 4096);
  FAILS("there is no data in the last", lseek(fd, 600 << 10, SEEK_DATA), ENXIO);
  FAILS("there are none behind the end", lseek(fd, 1 << 20, SEEK_HOLE), ENXIO);
  EQUAL("read", pread(fd, block, sizeof block, 0), sizeof block);
  TRUE("are zeroes", memcmp(block, zeroes, sizeof block) == 0);
  FAILS("no room by a reader", fallocate(fd, 0, 0, 1), EBADF);
  close(fd);
  fd = open_or_end("sparse", O_RDWR);
  TRUE("take no room when opened to write", status_of("sparse").st_blocks * 512 <= 128 << 10);
  FAILS("stay when opened to write", lseek(fd, 600 << 10, SEEK_DATA), ENXIO);
  memset(block, 'y', sizeof block);
  for (int i = 0; i < 16; ++i)
    MUST(pwrite(fd, block, sizeof block, i * 4096));
  EQUAL("are filled", lseek(fd, 0, SEEK_DATA), 0);
  WORKS("are punched", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 16384, 16384));
  EQUAL("punched are found", lseek(fd, 0, SEEK_HOLE), 16384);
  EQUAL("punched end", lseek(fd, 16384, SEEK_DATA), 32768);
  TRUE("punched are zeroes", pread(fd, block, 4096, 20480) == 4096 && memcmp(block, zeroes, 4096) == 0);
  EQUAL("punched leave the size", status_of("sparse").st_size, 1 << 20);
  TRUE("punched leave what is beside", pread(fd, block, 1, 16383) == 1 && block[0] == 'y');
  WORKS("room is taken", fallocate(fd, 0, 1 << 20, 65536));
  EQUAL("room taken is of the file", status_of("sparse").st_size, (1 << 20) + 65536);
  WORKS("room is taken behind the end", fallocate(fd, FALLOC_FL_KEEP_SIZE, 2 << 20, 65536));
  EQUAL("room behind the end is not of the file", status_of("sparse").st_size, (1 << 20) + 65536);
  WORKS("zeroes are put", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
  TRUE("zeroes put are read", pread(fd, block, 4096, 0) == 4096 && memcmp(block, zeroes, 4096) == 0);
  FAILS("no room of no length", fallocate(fd, 0, 0, 0), EINVAL);
  close(fd);
}

static void copying_checks(void) {
  int in = open_or_end("file", O_RDONLY), out = open_or_end("other", O_RDWR | O_TRUNC);
  loff_t from = 2, to = 1;
  EQUAL("copy_file_range copies", copy_file_range(in, &from, out, &to, 4, 0), 4);
  TRUE("copy_file_range copies what was asked for", fd_holds(out, "\0" "2345") || status_of("other").st_size == 5);
  EQUAL("copy_file_range tells how far", from, 6);
  from = 20;
  EQUAL("copy_file_range ends with the file", copy_file_range(in, &from, out, NULL, 4, 0), 0);
  MUST(ftruncate(out, 0));
  MUST(lseek(out, 0, SEEK_SET));
  off_t offset = 0;
  EQUAL("sendfile sends", sendfile(out, in, &offset, 10), 10);
  TRUE("sendfile sends the file", holds("other", "0123456789"));
  FAILS("copy_file_range from a writer", copy_file_range(out, NULL, in, NULL, 1, 0), EBADF);
  int dir = open_or_end("dir", O_RDONLY);
  FAILS("copy_file_range from a directory", copy_file_range(dir, NULL, out, NULL, 1, 0), EISDIR);
  close(in), close(out), close(dir);
}

static void map_checks(void) {
  int fd = open_or_end("file", O_RDWR);
  char *shared = mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *private = mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  must(shared != MAP_FAILED && private != MAP_FAILED, "mmap", __FILE__, __LINE__);
  struct stat was = before("file");
  memcpy(shared, "MMMM", 4);
  WORKS("shared is synced", msync(shared, 10, MS_SYNC));
  EQUAL("shared changes the times", changed("file", was), MTIME | CTIME);
  TRUE("shared is read", holds("file", "MMMM456789"));
  MUST(pwrite(fd, "W", 1, 9));
  TRUE("shared sees a write", shared[9] == 'W');
  private[5] = 'P';
  TRUE("private is not read", holds("file", "MMMM45678W"));
  MUST(unlink("file"));
  TRUE("stays of a file that went", shared[0] == 'M');
  munmap(shared, 10), munmap(private, 10);
  close(fd);
  fd = open_or_end("other", O_RDONLY);
  TRUE("a reader's is not shared to write",
       mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
  TRUE("a reader's is private to write", mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
  close(fd);
}

static int lock(int fd, short type, int command) {
  struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
  return fcntl(fd, command, &range);
}

static pid_t holder_seen_by_a_child(const char *path) {
  pid_t child = fork(), holder = 0;
  int status = 0;
  if (child == 0) {
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    _exit(fcntl(open_or_end(path, O_RDWR), F_GETLK, &range) == 0 && range.l_type != F_UNLCK && range.l_pid == getppid());
  }
  MUST(waitpid(child, &status, 0));
  holder = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return holder;
}

static void lock_checks(void) {
  int early = open_or_end("file", O_RDONLY);
  WORKS("flock", flock(early, LOCK_EX | LOCK_NB));
  int late = open_or_end("file", O_RDWR);
  FAILS("flock is held when the file is written", flock(late, LOCK_EX | LOCK_NB), EWOULDBLOCK);
  WORKS("flock ends", flock(early, LOCK_UN));
  WORKS("flock is free then", flock(late, LOCK_SH | LOCK_NB));
  WORKS("flock is shared", flock(early, LOCK_SH | LOCK_NB));
  close(early), close(late);
  int one = open_or_end("other", O_RDWR), two = open_or_end("other", O_RDWR);
  WORKS("of a range", lock(one, F_WRLCK, F_OFD_SETLK));
  FAILS("of a range is held", lock(two, F_WRLCK, F_OFD_SETLK), EAGAIN);
  WORKS("of a range ends", lock(one, F_UNLCK, F_OFD_SETLK));
  WORKS("of a process", lock(two, F_WRLCK, F_SETLK));
  EQUAL("of a process tells its holder", holder_seen_by_a_child("other"), 1);
  close(one), close(two);
  EQUAL("of a process ends with a descriptor", holder_seen_by_a_child("other"), 0);
  one = open_or_end("pair1", O_RDONLY), two = open_or_end("pair2", O_RDONLY);
  WORKS("of a pair", flock(one, LOCK_EX | LOCK_NB));
  FAILS("of a pair is held by either name", flock(two, LOCK_EX | LOCK_NB), EWOULDBLOCK);
  close(one), close(two);
}

/* All that has happened by now, as bits of their kinds. */
static unsigned events_of(int queue) {
  static char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
  unsigned seen = 0;
  for (ssize_t got; (got = read(queue, buffer, sizeof buffer)) > 0;)
    for (ssize_t at = 0; at < got;) {
      const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
      seen |= event->mask & IN_ALL_EVENTS;
      at += (ssize_t)(sizeof *event + event->len);
    }
  return seen;
}

static void inotify_checks(void) {
  int queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  MUST(queue);
  MUST(inotify_add_watch(queue, "file", IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF));
  int fd = open_or_end("file", O_RDWR);
  MUST(write(fd, "X", 1));
  EQUAL("of a file tells a write", events_of(queue), IN_MODIFY);
  close(fd);
  EQUAL("of a file tells a close", events_of(queue), IN_CLOSE_WRITE);
  MUST(chmod("file", 0600));
  EQUAL("of a file tells a mode", events_of(queue), IN_ATTRIB);
  MUST(rename("file", "dir/moved"));
  TRUE("of a file tells a move", (events_of(queue) & IN_MOVE_SELF) != 0);
  MUST(unlink("dir/moved"));
  TRUE("of a file tells its end", (events_of(queue) & (IN_DELETE_SELF | IN_ATTRIB)) != 0);
  MUST(inotify_add_watch(queue, "dir", IN_CREATE | IN_DELETE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO));
  fd = open_or_end("dir/a", O_WRONLY);
  MUST(write(fd, "X", 1));
  close(fd);
  EQUAL("of a directory tells a write", events_of(queue), IN_MODIFY);
  write_file("dir/new", "");
  EQUAL("of a directory tells a new file", events_of(queue), IN_CREATE);
  MUST(rename("dir/b", "b"));
  EQUAL("of a directory tells a move away", events_of(queue), IN_MOVED_FROM);
  MUST(rename("b", "dir/b"));
  EQUAL("of a directory tells a move to it", events_of(queue), IN_MOVED_TO);
  MUST(unlink("dir/b"));
  EQUAL("of a directory tells what goes", events_of(queue), IN_DELETE);
  MUST(inotify_add_watch(queue, "pair1", IN_MODIFY));
  write_file("pair2", "w");
  EQUAL("of one name of a pair tells a write by the other", events_of(queue), IN_MODIFY);
  close(queue);
  queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  fd = open_or_end("other", O_RDONLY);
  char by_fd[32];
  snprintf(by_fd, sizeof by_fd, "/proc/self/fd/%d", fd);
  MUST(inotify_add_watch(queue, by_fd, IN_MODIFY));
  write_file("other", "x");
  EQUAL("of an open file tells a write by name", events_of(queue), IN_MODIFY);
  close(fd), close(queue);
}

const struct check_group contents_groups[] = {
    {"open", open_checks, needs_program},     {"open-before", open_before_checks, 0}, {"truncate", truncate_checks, 0},
    {"holes", holes_checks, 0},   {"copying", copying_checks, 0},         {"map", map_checks, 0},
    {"lock", lock_checks, 0},     {"inotify", inotify_checks, 0},         {NULL, NULL, 0},
};
