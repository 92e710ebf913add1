#include "check.h"

#include <time.h>

const char *const kOrigins[] = {"image", "own"};
static const char *origin = "none", *group = "none";

void say_where(enum origin new_origin, const char *new_group) {
  origin = kOrigins[new_origin];
  group = new_group;
}

void must(int done, const char *what, const char *file, int line) {
  if (done) return;
  printf("BROKEN %s/%s: %s:%d: %s: %s\n", origin, group, file, line, what, strerror(errno));
  exit(3);
}

void check(const char *name, long got, long wanted) {
  if (got == wanted)
    printf("ok %s/%s/%s\n", origin, group, name);
  else
    printf("FAIL %s/%s/%s: got %ld wanted %ld\n", origin, group, name, got, wanted);
}

static const char *error_name(int error) {
  return error == 0 ? "success" : strerrorname_np(error);
}

void check_errno(const char *name, int got, int wanted) {
  if (got == wanted)
    printf("ok %s/%s/%s\n", origin, group, name);
  else
    printf("FAIL %s/%s/%s: got %s wanted %s\n", origin, group, name, error_name(got), error_name(wanted));
}

struct stat status_of(const char *path) {
  struct stat status;
  if (lstat(path, &status) != 0) memset(&status, 0, sizeof status);
  return status;
}

struct stat status_of_fd(int fd) {
  struct stat status;
  MUST(fstat(fd, &status));
  return status;
}

int open_or_end(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0644);
  must(fd >= 0, path, "open", flags);
  return fd;
}

void write_file(const char *path, const char *text) {
  int fd = open_or_end(path, O_WRONLY | O_CREAT | O_TRUNC);
  MUST(write(fd, text, strlen(text)));
  close(fd);
}

int fd_holds(int fd, const char *text) {
  char buffer[256];
  ssize_t got = pread(fd, buffer, sizeof buffer, 0);
  return got == (ssize_t)strlen(text) && memcmp(buffer, text, (size_t)got) == 0;
}

int holds(const char *path, const char *text) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  int same = fd_holds(fd, text);
  close(fd);
  return same;
}

int exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

struct stat before(const char *path) {
  struct timespec tick;
  clock_getres(CLOCK_REALTIME_COARSE, &tick); /* what files are told the time by */
  usleep((useconds_t)(tick.tv_nsec / 1000 + 1000));
  return status_of(path);
}

static int later(struct timespec one, struct timespec other) {
  return one.tv_sec != other.tv_sec ? one.tv_sec > other.tv_sec : one.tv_nsec > other.tv_nsec;
}

int changed(const char *path, struct stat was) {
  struct stat is = status_of(path);
  return (later(is.st_mtim, was.st_mtim) ? MTIME : 0) | (later(is.st_ctim, was.st_ctim) ? CTIME : 0);
}
