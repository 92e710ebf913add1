/* semantics: what POSIX and Linux promise of files, tried inside of a container.
 *
 *   semantics        all checks: in /fixtures, which come from the image, and in /own, which are made here
 *   semantics id     whose program it is: its effective user
 *
 * A line each: "ok NAME", "FAIL NAME: got … wanted …"; "without NAME: …" for a group that this container has no ids for.
 * The names are image/GROUP/… and own/GROUP/….
 */
#include "check.h"

const char *self;

/* Everything that one group does is its own: its directory, its mask, its descriptors. */
static void run_group(const struct check_group *one, enum origin origin) {
  char dir[64];
  say_where(origin, one->name);
  umask(022);
  snprintf(dir, sizeof dir, "/%s/%s", origin == image ? "fixtures" : "own", one->name);
  if (origin == own) make_fixture(dir, one->needs);
  MUST(chdir(dir));
  one->run();
}

static int has_many_ids(void) {
  FILE *map = fopen("/proc/self/uid_map", "re");
  unsigned long inside, outside, count, all = 0;
  must(map != NULL, "uid_map", __FILE__, __LINE__);
  while (fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3)
    all += count;
  fclose(map);
  return all > 1;
}

static void run_groups(const struct check_group *groups, enum origin origin, int many_ids) {
  for (; groups->name != NULL; ++groups) {
    if ((groups->needs & needs_ids) && !many_ids)
      printf("without %s/%s: one id\n", kOrigins[origin], groups->name);
    else
      run_group(groups, origin);
  }
}

int main(int argc, char **argv) {
  if (argc > 1) return strcmp(argv[1], "id") == 0 ? (int)(geteuid() % 251) : 2;
  self = argv[0];
  setvbuf(stdout, NULL, _IOLBF, 0);
  int many_ids = has_many_ids();
  MUST(mkdir("/own", 0755));
  for (int origin = image; origin <= own; ++origin) {
    run_groups(names_groups, origin, many_ids);
    run_groups(contents_groups, origin, many_ids);
    run_groups(metadata_groups, origin, many_ids);
    run_groups(rights_groups, origin, many_ids);
  }
  puts("done");
  return 0;
}
