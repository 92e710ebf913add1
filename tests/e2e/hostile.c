/* hostile: what the tests with hostile archives need of a small program.
 *
 *   hostile measure REPORT SECONDS PROGRAM [ARG…]   outside: runs the program, and writes to the descriptor REPORT how it ended,
 *                                                   the largest memory of it and its children in KiB, its processor and its
 *                                                   wall time in ms: "exit 1 5120 12 20", "signal 11 …", "hung …"
 *   hostile look SECRET                             inside of a container: tells all names in a line each, and tries to get out
 *                                                   by every one of them; a line that begins with "ESCAPE" is one that did
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(3);
}

/* ---- measure ---- */

static volatile sig_atomic_t hung;
static pid_t child;

static void on_alarm(int signal_number) {
  (void)signal_number;
  hung = 1;
  kill(child, SIGKILL);
}

static long milliseconds(struct timeval t) { return t.tv_sec * 1000 + t.tv_usec / 1000; }

static int measure(int report, unsigned seconds, char **command) {
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    close(report);
    execv(command[0], command);
    die(command[0]);
  }
  alarm(seconds);
  int status;
  struct rusage used;
  if (wait4(child, &status, 0, &used) != child) die("wait4");
  clock_gettime(CLOCK_MONOTONIC, &end);
  long wall = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
  dprintf(report, "%s %d %ld %ld %ld\n", hung ? "hung" : WIFSIGNALED(status) ? "signal" : "exit",
          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), used.ru_maxrss,
          milliseconds(used.ru_utime) + milliseconds(used.ru_stime), wall);
  return 0;
}

/* ---- look ---- */

static const char *secret;
static char content[65536];

static void print_name(const char *name) {
  for (const unsigned char *c = (const unsigned char *)name; *c; ++c)
    if (*c > 0x20 && *c < 0x7f && *c != '\\') putchar(*c);
    else printf("\\%02x", *c);
}

static void escape(const char *how, const char *path) {
  printf("ESCAPE: %s ", how);
  print_name(path);
  putchar('\n');
}

/* Of what can be read from an open file: its digest (FNV). Whether the host's secret is in it. */
static unsigned long long read_content(int fd, const char *path) {
  ssize_t count = read(fd, content, sizeof content);
  unsigned long long digest = 14695981039346656037ull;
  for (ssize_t i = 0; i < count; ++i)
    digest = (digest ^ (unsigned char)content[i]) * 1099511628211ull;
  if (count > 0 && memmem(content, (size_t)count, secret, strlen(secret))) escape("read", path);
  return digest;
}

/* Through a symlink, whatever it leads to: to read it, to write to it, to make a file in it. */
static void through_symlink(int dir, const char *name, const char *path) {
  static const char *const kBelow[] = {"", "/in/file", "/file", "/../canary/in/file", "/layerbox-hostile-sentinel"};
  for (size_t i = 0; i < sizeof kBelow / sizeof *kBelow; ++i) {
    char longer[PATH_MAX + 64];
    snprintf(longer, sizeof longer, "%s%s", name, kBelow[i]);
    int fd = openat(dir, longer, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
      struct stat status;
      fstat(fd, &status);
      if (S_ISREG(status.st_mode)) read_content(fd, path);
      close(fd);
    }
    fd = openat(dir, longer, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
    if (fd >= 0) {
      if (write(fd, "escaped\n", 8) < 0) { /* a fifo, a device: nothing that the host has */ }
      close(fd);
    }
  }
}

enum pass { tell, attack };

/* Files that every container has of its own. */
static int is_provided(const char *path, const struct stat *status) {
  static const char *const kProvided[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
  for (size_t i = 0; i < sizeof kProvided / sizeof *kProvided; ++i)
    if (strcmp(path, kProvided[i]) == 0) return S_ISREG(status->st_mode);
  return 0;
}

static void walk(int dir, char *path, size_t length, enum pass pass) {
  struct dirent **names;
  int count = scandirat(dir, ".", &names, NULL, alphasort);
  for (int i = 0; i < count; ++i) {
    const char *name = names[i]->d_name;
    int top = length == 0;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (top && (strcmp(name, "proc") == 0 || strcmp(name, "sys") == 0 || strcmp(name, "dev") == 0 || strncmp(name, "look", 4) == 0)) continue;
    struct stat status;
    size_t longer = length + (size_t)snprintf(path + length, 65536 - length, "/%s", name);
    if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) != 0) { /* in a directory of nobody's that is not for others */
      if (errno != EACCES) die("fstatat");
      if (pass == tell) {
        fputs("shut ", stdout);
        print_name(path);
        putchar('\n');
      }
      path[length] = '\0';
      continue;
    }
    char target[PATH_MAX + 1] = "";
    unsigned long long digest = 0;
    if (S_ISLNK(status.st_mode)) {
      if (readlinkat(dir, name, target, PATH_MAX) < 0) die("readlinkat");
      if (pass == attack) through_symlink(dir, name, path);
    } else if (!S_ISDIR(status.st_mode)) {
      int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
      if (fd >= 0 && (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))) escape("opened the device", path);
      if (fd >= 0 && S_ISREG(status.st_mode)) digest = read_content(fd, path);
      close(fd);
    }
    if (pass == tell && !is_provided(path, &status)) {
      printf("%06o %u:%u %lld %u:%u %lld %llx ", status.st_mode, status.st_uid, status.st_gid, S_ISREG(status.st_mode) ? (long long)status.st_size : 0LL,
             major(status.st_rdev), minor(status.st_rdev), S_ISDIR(status.st_mode) ? 0LL : (long long)status.st_mtime, digest);
      print_name(path);
      putchar(' ');
      print_name(target);
      putchar('\n');
    }
    if (S_ISDIR(status.st_mode)) {
      int below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (below >= 0) walk(below, path, longer, pass);
      close(below);
    }
    path[length] = '\0';
  }
  for (int i = 0; i < count; ++i)
    free(names[i]);
  if (count >= 0) free(names);
}

static int look(void) {
  static char path[65536 + NAME_MAX + 2];
  struct rlimit many = {65536, 65536};
  setrlimit(RLIMIT_NOFILE, &many);
  for (int pass = tell; pass <= attack; ++pass) {
    int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0) die("/");
    walk(top, path, 0, (enum pass)pass);
    close(top);
  }
  /* Up, further than anything is deep. */
  for (int i = 0; i < 64; ++i)
    if (chdir("..") != 0) break;
  if (access("look/hostile", F_OK) != 0) escape("climbed", "..");
  puts("looked");
  return 0;
}

int main(int argc, char **argv) {
  if (argc >= 5 && strcmp(argv[1], "measure") == 0) return measure(atoi(argv[2]), (unsigned)atoi(argv[3]), argv + 4);
  if (argc != 3 || strcmp(argv[1], "look") != 0) return 2;
  secret = argv[2];
  return look();
}
