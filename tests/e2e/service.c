/* service: what runs inside of a container as a service of systemd would, without its library.
 *
 *   service notify TEXT…       each TEXT as one message to NOTIFY_SOCKET
 *   service barrier            BARRIER=1 with a pipe's end; "through" when that has been closed
 *   service flood              messages without an end
 *   service linger             sends the last descriptor of a connection that takes 1000 s to close; "taken"; waits
 *   service await              waits for SIGTERM with sigwait(3), then "got 15\n" and status 5
 *   service accept             accepts one connection on descriptor 3 and answers "hello\n"
 */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int done, const char *what) {
  if (done) return;
  perror(what);
  exit(9);
}

static int manager(void) {
  const char *path = getenv("NOTIFY_SOCKET");
  must(path != NULL, "NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, path);
  return fd;
}

static void send_with(int to, const char *text, int fd) {
  struct iovec payload = {(char *)text, strlen(text)};
  union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &payload, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  must(sendmsg(to, &message, 0) >= 0, "sendmsg");
}

/* A connection to ourselves that is full on the way, and whose close waits for what is on it. */
static int lingering(void) {
  int one = 4096;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t bytes = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &one, sizeof one);
  must(bind(listener, (struct sockaddr *)&address, bytes) == 0 && listen(listener, 1) == 0, "listen");
  must(getsockname(listener, (struct sockaddr *)&address, &bytes) == 0, "getsockname");
  int out = socket(AF_INET, SOCK_STREAM, 0);
  must(connect(out, (struct sockaddr *)&address, bytes) == 0, "connect");
  must(accept(listener, NULL, NULL) >= 0, "accept");
  struct linger wait = {1, 1000};
  must(setsockopt(out, SOL_SOCKET, SO_LINGER, &wait, sizeof wait) == 0, "SO_LINGER");
  static char block[65536];
  while (send(out, block, sizeof block, MSG_DONTWAIT) > 0) {
  }
  return out;
}

/* Whoever lets go of it last must wait: we, when the reader was faster. Then a child of ours waits, and is killed. */
static int leave_a_close_to_the_reader(void) {
  int ends[2], status;
  must(pipe(ends) == 0, "pipe");
  pid_t child = fork();
  if (child == 0) {
    int slow = lingering(), to = manager();
    send_with(to, "STATUS=slow", slow);
    close(slow);
    for (int left = 1; left > 0; usleep(1000)) /* until somebody has received it */
      must(ioctl(to, SIOCOUTQ, &left) == 0, "SIOCOUTQ");
    must(write(ends[1], "t", 1) == 1, "write");
    for (;;)
      pause();
  }
  close(ends[1]);
  struct pollfd taken = {ends[0], POLLIN, 0};
  int done = poll(&taken, 1, 1000) == 1;
  close(ends[0]);
  if (done) return 1;
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return 0;
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "notify") == 0) {
    int to = manager();
    for (int i = 2; i < argc; ++i)
      must(send(to, argv[i], strlen(argv[i]), 0) >= 0, "send");
  } else if (strcmp(verb, "barrier") == 0) {
    int ends[2];
    char byte;
    must(pipe(ends) == 0, "pipe");
    send_with(manager(), "BARRIER=1", ends[1]);
    close(ends[1]);
    must(read(ends[0], &byte, 1) == 0, "read");
    puts("through");
  } else if (strcmp(verb, "flood") == 0) {
    int to = manager();
    while (send(to, "STATUS=again", 12, 0) >= 0) {
    }
  } else if (strcmp(verb, "linger") == 0) {
    while (!leave_a_close_to_the_reader()) {
    }
    puts("taken");
    fflush(stdout);
    for (;;)
      pause();
  } else if (strcmp(verb, "await") == 0) {
    sigset_t wanted;
    int got = 0;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    must(sigprocmask(SIG_BLOCK, &wanted, NULL) == 0, "sigprocmask");
    puts("ready");
    fflush(stdout);
    must(sigwait(&wanted, &got) == 0, "sigwait");
    printf("got %d\n", got);
    return 5;
  } else if (strcmp(verb, "accept") == 0) {
    int client = accept(3, NULL, NULL);
    must(client >= 0, "accept");
    must(write(client, "hello\n", 6) == 6, "write");
  } else {
    return 2;
  }
  return 0;
}
