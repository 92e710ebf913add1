/* attack NAME: tries one thing that a container must not be able to do, and says what came of it:
 * "done", or the errno's name. Built static, for root file systems without a libc. */
#define _GNU_SOURCE
#include "tests/runner/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

int say(long result) {
  puts(result >= 0 ? "done" : strerrorname_np(errno));
  return 0;
}

/* The terminal's own ioctls, with bits above the 32 that the kernel looks at. */
static int terminal(unsigned long request, unsigned long high) {
  char c = '\n';
  int fd = open("/dev/tty", O_RDWR);
  return say(syscall(SYS_ioctl, fd < 0 ? 0 : fd, request | high << 32, &c));
}

#ifdef __x86_64__
/* getpid in the manner of i386: number 20, through the old gate. */
static int i386(void) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
  errno = (int)-result;
  return say(result);
}
static int x32(void) {
  return say(syscall(0x40000000L | SYS_getpid));
}
#endif

static int new_user_by_clone(void) {
  long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return say(pid);
}

static int ptrace_pid(const char* pid) {
  return say(ptrace(PTRACE_SEIZE, atoi(pid), 0, 0));
}

static int peek_pid(const char* pid) {
  char byte = 0;
  struct iovec here = {&byte, 1}, there = {(void*)0x400000, 1};
  return say(process_vm_readv(atoi(pid), &here, 1, &there, 1, 0));
}

/* Opens PATH for writing as a runtime's program was overwritten in CVE-2019-5736. */
static int write_to(const char* path) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return say(fd);
  return say(write(fd, "#!", 2));
}

/* The same through a descriptor that was opened for nothing before. */
static int write_later(const char* path) {
  char again[64];
  int fd = open(path, O_PATH);
  if (fd < 0) return say(fd);
  snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
  return write_to(again);
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "";
  const char* what = argc > 2 ? argv[2] : "";
  const char* more = argc > 3 ? argv[3] : "";
  struct file_handle handle = {0};
  union bpf_attr bpf = {0};
  if (!strcmp(name, "tiocsti")) return terminal(TIOCSTI, 0);
  if (!strcmp(name, "tiocsti-high")) return terminal(TIOCSTI, 1);
  if (!strcmp(name, "tioclinux")) return terminal(TIOCLINUX, 0);
  if (!strcmp(name, "winsize")) {
    struct winsize size;
    return say(ioctl(0, TIOCGWINSZ, &size));
  }
  if (!strcmp(name, "alg")) return say(socket(AF_ALG, SOCK_SEQPACKET, 0));
  if (!strcmp(name, "vsock")) return say(socket(AF_VSOCK, SOCK_STREAM, 0));
  if (!strcmp(name, "inet")) return say(socket(AF_INET, SOCK_STREAM, 0));
#ifdef __x86_64__
  if (!strcmp(name, "i386")) return i386();
  if (!strcmp(name, "x32")) return x32();
#endif
  if (!strcmp(name, "unshare-user")) return say(unshare(CLONE_NEWUSER));
  if (!strcmp(name, "clone-user")) return new_user_by_clone();
  if (!strcmp(name, "clone3")) return say(syscall(SYS_clone3, NULL, 0));
  if (!strcmp(name, "mount")) return say(mount("none", "/tmp", "tmpfs", 0, NULL));
  if (!strcmp(name, "umount")) return say(umount2("/proc", MNT_DETACH));
  if (!strcmp(name, "fsopen")) return say(syscall(SYS_fsopen, "tmpfs", 0));
  if (!strcmp(name, "keyctl"))
    return say(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1));
  if (!strcmp(name, "bpf")) return say(syscall(SYS_bpf, BPF_MAP_CREATE, &bpf, sizeof bpf));
  if (!strcmp(name, "kexec")) return say(syscall(SYS_kexec_load, 0, 0, NULL, 0));
  if (!strcmp(name, "handle")) return say(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, 0));
  if (!strcmp(name, "io_uring")) return say(syscall(SYS_io_uring_setup, 1, NULL));
  if (!strcmp(name, "userfaultfd")) return say(syscall(SYS_userfaultfd, 1));
  if (!strcmp(name, "newest")) return say(syscall(100000));
  if (!strcmp(name, "ptrace")) return ptrace_pid(what);
  if (!strcmp(name, "peek")) return peek_pid(what);
  if (!strcmp(name, "kill")) return say(kill(atoi(what), 0));
  if (!strcmp(name, "write")) return write_to(what);
  if (!strcmp(name, "write-later")) return write_later(what);
  if (!strcmp(name, "chmod")) return say(chmod(what, 0777));
  if (!strcmp(name, "mknod")) return say(mknod("/tmp/disk", S_IFBLK | 0600, 0x800));
  if (!strcmp(name, "euid")) return printf("%d\n", (int)geteuid()) < 0;
  if (!strcmp(name, "chroot")) return say(chroot("/tmp"));
  const int reached = attack_reach(name, what, more);
  if (reached >= 0) return reached;
  fprintf(stderr, "attack: there is no attack '%s'\n", name);
  return 2;
}
