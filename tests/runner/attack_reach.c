/* The attacks on what a program may reach: files by other ways than their name, ports, sockets and
 * processes outside. `attack_reach` returns -1 for a name that it does not have. */
#define _GNU_SOURCE
#include "tests/runner/attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { MPTCP = 262 }; /* IPPROTO_MPTCP, newer than some headers */

static int read_from(const char* path, int flags) {
  char byte;
  int fd = open(path, flags);
  return say(fd < 0 ? fd : read(fd, &byte, 1));
}

static int list(const char* path) {
  DIR* directory = opendir(path);
  return say(directory == NULL ? -1 : 0);
}

/* Into PATH by a descriptor that names its directory and nothing more. */
static int through_path_fd(const char* directory, const char* name) {
  char byte;
  int at = open(directory, O_PATH | O_DIRECTORY);
  int fd = at < 0 ? at : openat(at, name, O_RDONLY);
  return say(fd < 0 ? fd : read(fd, &byte, 1));
}

static struct sockaddr_in local(const char* port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int connect_to(const char* port, int protocol) {
  struct sockaddr_in address = local(port);
  int fd = socket(AF_INET, SOCK_STREAM, protocol);
  return say(fd < 0 ? fd : connect(fd, (struct sockaddr*)&address, sizeof address));
}

static int bind_to(const char* port, int protocol) {
  struct sockaddr_in address = local(port);
  int fd = socket(AF_INET, SOCK_STREAM, protocol);
  return say(fd < 0 ? fd : bind(fd, (struct sockaddr*)&address, sizeof address));
}

/* A connection that is made by sending. */
static int fast_open(const char* port, const char* how) {
  struct sockaddr_in address = local(port);
  char byte = 'x';
  struct iovec payload = {&byte, 1};
  struct mmsghdr message = {.msg_hdr = {&address, sizeof address, &payload, 1, NULL, 0, 0}};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return say(fd);
  if (!strcmp(how, "sendmsg")) return say(sendmsg(fd, &message.msg_hdr, MSG_FASTOPEN));
  if (!strcmp(how, "sendmmsg")) return say(sendmmsg(fd, &message, 1, MSG_FASTOPEN));
  return say(sendto(fd, &byte, 1, MSG_FASTOPEN, (struct sockaddr*)&address, sizeof address));
}

static int abstract(const char* name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  return say(fd < 0 ? fd : connect(fd, (struct sockaddr*)&address, length));
}

/* Raw packets of every interface that there is, or of the one named. */
static int packets(const char* interface) {
  int fd = socket(AF_PACKET, SOCK_RAW, htons(0x0003));
  if (fd < 0) return say(fd);
  return say(*interface == '\0'
                 ? 0
                 : setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)));
}

/* The content of a key by its number, as somebody who has found it out would ask for it. */
static int read_key(const char* serial) {
  char secret[64];
  return say(syscall(SYS_keyctl, KEYCTL_READ, atoi(serial), secret, sizeof secret));
}

/* As a program that confines itself does it: only execution is held, and nowhere allowed. */
static int confine_itself(void) {
  uint64_t held[1] = {1};
  long rules = syscall(SYS_landlock_create_ruleset, held, sizeof held, 0);
  if (rules < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return say(-1);
  if (syscall(SYS_landlock_restrict_self, rules, 0) != 0) return say(-1);
  execl("/proc/self/exe", "attack", "inet", NULL);
  return say(-1);
}

int attack_reach(const char* name, const char* a, const char* b) {
  if (!strcmp(name, "read")) return read_from(a, O_RDONLY);
  if (!strcmp(name, "read-truncated")) return read_from(a, O_RDONLY | O_TRUNC);
  if (!strcmp(name, "list")) return list(a);
  if (!strcmp(name, "path-fd")) return through_path_fd(a, b);
  if (!strcmp(name, "truncate")) return say(truncate(a, 0));
  if (!strcmp(name, "make")) return say(open(a, O_WRONLY | O_CREAT | O_EXCL, 0644));
  if (!strcmp(name, "unlink")) return say(unlink(a));
  if (!strcmp(name, "link")) return say(link(a, b));
  if (!strcmp(name, "rename")) return say(rename(a, b));
  if (!strcmp(name, "exchange"))
    return say(syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE));
  if (!strcmp(name, "bind-mount")) return say(mount(a, b, NULL, MS_BIND, NULL));
  if (!strcmp(name, "exec")) return say(execl(a, a, "inet", NULL));
  if (!strcmp(name, "connect")) return connect_to(a, 0);
  if (!strcmp(name, "connect-mptcp")) return connect_to(a, MPTCP);
  if (!strcmp(name, "bind")) return bind_to(a, 0);
  if (!strcmp(name, "bind-mptcp")) return bind_to(a, MPTCP);
  if (!strcmp(name, "fast-open")) return fast_open(a, b);
  if (!strcmp(name, "abstract")) return abstract(a);
  if (!strcmp(name, "packets")) return packets(a);
  if (!strcmp(name, "read-key")) return read_key(a);
  if (!strcmp(name, "confine-itself")) return confine_itself();
  return -1;
}
