#include "runner/pasta.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/notebook.hpp"
#include "base/pipe.hpp"
#include "base/rel_path.hpp"
#include "base/userns.hpp"

namespace layerbox {
namespace {

constexpr int kReadyFd = 3; // in pasta

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words)
    list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

// 0, or why it could not be started.
int start_pasta(const std::string& program, std::vector<std::string> words, FdRef ready,
                FdRef notebook, pid_t& pid) {
  std::vector<char*> argv = pointers(words);
  std::array<char*, 1> no_environment{nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, notebook.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, notebook.get(), STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ready.get(), kReadyFd);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(),
                                  no_environment.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

// The process between. Ends when pasta has.
[[noreturn]] void keep(const std::string& program, std::vector<std::string> words, Pipe& alive,
                       Pipe& ready, FdRef notebook) {
  (void)::setsid(); // signals of a terminal's job are not for us
  (void)::prctl(PR_SET_NAME, "layerbox-pasta");
  alive.write.reset();
  ready.read.reset();
  pid_t pasta = -1;
  if (start_pasta(program, std::move(words), ready.write, notebook, pasta) != 0) ::_exit(1);
  ready.write.reset();
  // Nothing else is held for as long as the container runs.
  const unsigned keep_fd = static_cast<unsigned>(alive.read.get());
  (void)::syscall(SYS_close_range, keep_fd + 1, ~0U, 0);
  if (keep_fd > 0) (void)::syscall(SYS_close_range, 0U, keep_fd - 1, 0);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pasta, 0));
  std::array<struct pollfd, 2> waited = {{{alive.read.get(), POLLIN, 0}, {pidfd, POLLIN, 0}}};
  while (::poll(waited.data(), waited.size(), -1) < 0 && errno == EINTR) {
  }
  if (waited[1].revents == 0) (void)::kill(pasta, SIGKILL);
  int status = 0;
  while (::waitpid(pasta, &status, 0) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

// Whether pasta has written its process number, which it does when all is set up.
bool await_ready(FdRef ready) {
  char byte = 0;
  ssize_t got = 0;
  do
    got = ::read(ready.get(), &byte, 1);
  while (got < 0 && errno == EINTR);
  return got == 1;
}

void add_ports(std::vector<std::string>& words, const char* flag, PortProtocol protocol,
               const std::vector<PublishedPort>& ports) {
  bool any = false;
  for (const PublishedPort& port : ports) {
    if (port.protocol != protocol) continue;
    const std::string host = port.host_address ? port.host_address->text() + '/' : "";
    words.insert(words.end(),
                 {flag, fmt::format("{}{}:{}", host, port.host_port, port.container_port)});
    any = true;
  }
  if (!any) words.insert(words.end(), {flag, "none"});
}

[[noreturn]] void refuse_pasta(const std::string& said) {
  Error error(ErrorKind::unsupported,
              said.empty() ? "pasta ended before the network was there" : printable(said));
  if (said.find("tun") != std::string::npos)
    error.set_hint("pasta needs /dev/net/tun, readable and writable for you: chmod 0666 "
                   "/dev/net/tun");
  else if (said.find("interface") != std::string::npos)
    error.set_hint("pasta copies the addresses of the link with this host's default route; "
                   "'--network none' runs without a network");
  else if (said.find("port") != std::string::npos || said.find("bind") != std::string::npos)
    error.set_hint("another program may have the port, or it is below "
                   "net.ipv4.ip_unprivileged_port_start");
  throw error;
}

} // namespace

std::vector<std::string> pasta_arguments(const NetworkSpec& network, pid_t pid, int ready_fd) {
  std::vector<std::string> words = {"pasta",         "--foreground",
                                    "--quiet",       "--stderr",
                                    "--config-net",
                                    "--no-map-gw", // the host's loopback stays the host's
                                    "--ns-ifname",   "eth0",
                                    "--dns-forward", kPastaNameServer,
                                    "--pid",         fmt::format("/dev/fd/{}", ready_fd),
                                    "--tcp-ns",      "none",
                                    "--udp-ns",      "none"};
  add_ports(words, "--tcp-ports", PortProtocol::tcp, network.ports);
  add_ports(words, "--udp-ports", PortProtocol::udp, network.ports);
  words.insert(words.end(), {"--userns", fmt::format("/proc/{}/ns/user", pid), "--netns",
                             fmt::format("/proc/{}/ns/net", pid)});
  return words;
}

Pasta::Pasta(const NetworkSpec& network, pid_t pid) {
  with_context([] { return "network 'pasta'"; },
               [&] {
                 const auto program = find_in_path("pasta");
                 if (!program)
                   throw Error(ErrorKind::unsupported, "pasta is not installed")
                       .set_hint("install the Debian package passt");
                 Pipe alive = make_pipe();
                 Pipe ready = make_pipe();
                 const UniqueFd notebook = make_notebook("pasta");
                 keeper_ = ::fork();
                 if (keeper_ < 0) throw_errno(errno, "making pasta's process");
                 if (keeper_ == 0)
                   keep(*program, pasta_arguments(network, pid, kReadyFd), alive, ready, notebook);
                 alive_ = std::move(alive.write);
                 ready.write.reset();
                 if (!await_ready(ready.read)) refuse_pasta(last_line(notebook, "syslog"));
               });
}

Pasta::~Pasta() {
  alive_.reset();
  int status = 0;
  while (keeper_ > 0 && ::waitpid(keeper_, &status, 0) < 0 && errno == EINTR) {
  }
}

} // namespace layerbox
