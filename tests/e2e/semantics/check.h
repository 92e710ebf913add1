/* check: what all groups of checks stand on. A group is a function that is called in a fixture (fixture.c), once in one of
 * the image and once in one made here; each check in it is one line of output:
 *
 *   ok image/chmod/changes the mode
 *   FAIL image/link/one file by two names: got EXDEV wanted 0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { needs_ids = 1, needs_program = 2 }; /* more ids than root's; a program in the fixture */
struct check_group {
  const char *name;
  void (*run)(void);
  int needs;
};
extern const struct check_group names_groups[], contents_groups[], metadata_groups[], rights_groups[];

enum origin { image, own };
extern const char *const kOrigins[];
void say_where(enum origin origin, const char *group); /* in the names of the checks that follow */

void check(const char *name, long got, long wanted);
void check_errno(const char *name, int got, int wanted);
/* The errno of a call, 0 when it worked. */
#define ERRNO_OF(call) ((call) == -1 ? errno : 0)
#define FAILS(name, call, error) check_errno(name, ERRNO_OF(call), error)
#define WORKS(name, call) FAILS(name, call, 0)
#define EQUAL(name, value, wanted) check(name, (long)(value), (long)(wanted))
#define TRUE(name, value) check(name, (value) ? 1 : 0, 1)
/* What a group stands on and does not check: ends the program. */
#define MUST(call) must((call) != -1, #call, __FILE__, __LINE__)
void must(int done, const char *what, const char *file, int line);

void make_fixture(const char *dir, int needs);
extern const char *self; /* the path of this program */

struct stat status_of(const char *path); /* of a symlink itself; a missing one's is zeroes */
struct stat status_of_fd(int fd);
#define MODE(path) (status_of(path).st_mode & 07777)
#define TYPE(path) (status_of(path).st_mode & S_IFMT)
int open_or_end(const char *path, int flags);
void write_file(const char *path, const char *text); /* made, or cut to this */
int holds(const char *path, const char *text);
int fd_holds(int fd, const char *text); /* read from its start */
int exists(const char *path);

/* Which times of a file an action changes: bits, of what `after` sees beside what `before` saw. */
enum { MTIME = 1, CTIME = 2 };
struct stat before(const char *path); /* waits until the clock can show a change */
int changed(const char *path, struct stat was);
