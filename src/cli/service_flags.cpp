#include "cli/service_flags.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "cli/error_report.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

std::uint64_t number_in(const char* name, const std::string& text) {
  try {
    return parse_number(text);
  } catch (const UsageError&) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("the variable {}: '{}' is no number", name, printable(text)));
  }
}

// Whether NAME holds our number; a variable that is not there is for everybody when `unset` is
// true.
enum class WhenUnset : bool { not_ours, ours };
bool is_for(const HostVariable& variable, const char* name, pid_t self, WhenUnset unset) {
  const std::optional<std::string> text = variable(name);
  if (!text) return unset == WhenUnset::ours;
  return *text == std::to_string(self);
}

bool tells(const ServiceFlags& flags, const ServiceManager& manager) {
  return flags.sdnotify == "container" && !manager.notify_socket.empty();
}

} // namespace

void declare_service_flags(CommandLine& line, ServiceFlags& flags) {
  line.text("--sdnotify", flags.sdnotify, "MODE",
            "container: where layerbox is a systemd service, the command may tell systemd that it "
            "is ready (the default); ignore: it may not")
      .choices({"container", "ignore"});
  line.number("--preserve-fds", flags.preserve_fds, "N",
              "the command gets N more descriptors of layerbox's, from 3 on; a directory among "
              "them is a way out of the container");
}

ServiceManager read_service_manager(const HostVariable& variable, pid_t self) {
  ServiceManager manager;
  manager.notify_socket = variable("NOTIFY_SOCKET").value_or("");
  if (is_for(variable, "WATCHDOG_PID", self, WhenUnset::ours))
    manager.watchdog_usec = variable("WATCHDOG_USEC").value_or("");
  if (!is_for(variable, "LISTEN_PID", self, WhenUnset::not_ours)) return manager;
  const std::optional<std::string> count = variable("LISTEN_FDS");
  if (!count) return manager;
  const std::uint64_t fds = number_in("LISTEN_FDS", *count);
  if (fds > kMaxPassedDescriptors)
    throw Error(ErrorKind::limit_exceeded,
                fmt::format("the variable LISTEN_FDS: {} descriptors are more than the limit of {}",
                            fds, kMaxPassedDescriptors));
  manager.listen_fds = static_cast<std::uint32_t>(fds);
  manager.listen_names = variable("LISTEN_FDNAMES");
  return manager;
}

std::uint32_t passed_descriptors(const ServiceFlags& flags, const ServiceManager& manager) {
  if (flags.preserve_fds > kMaxPassedDescriptors - manager.listen_fds)
    throw Error(ErrorKind::limit_exceeded,
                fmt::format("--preserve-fds: {} and {} descriptors are more than the limit of {}",
                            manager.listen_fds, flags.preserve_fds, kMaxPassedDescriptors));
  return manager.listen_fds + flags.preserve_fds;
}

void take_descriptors(std::uint32_t count) {
  constexpr std::uint32_t kFirst = STDERR_FILENO + 1;
  for (std::uint32_t fd = kFirst; fd < kFirst + count; ++fd)
    if (::fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC) != 0)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("the command is to get {} descriptors, and descriptor {} is not open",
                              count, fd))
          .set_hint("a shell opens one with '3<FILE'; see --preserve-fds and the variable "
                    "LISTEN_FDS");
}

std::vector<std::string> service_environment(const ServiceFlags& flags,
                                             const ServiceManager& manager) {
  std::vector<std::string> variables;
  if (tells(flags, manager)) {
    variables.push_back(fmt::format("NOTIFY_SOCKET={}", kNotifyPath));
    // Without WATCHDOG_PID it is for whoever reads it.
    if (!manager.watchdog_usec.empty())
      variables.push_back("WATCHDOG_USEC=" + manager.watchdog_usec);
  }
  if (manager.listen_fds > 0) {
    variables.push_back(fmt::format("LISTEN_FDS={}", manager.listen_fds));
    if (manager.listen_names) variables.push_back("LISTEN_FDNAMES=" + *manager.listen_names);
  }
  return variables;
}

void apply_service(ProcessSpec& process, const ServiceFlags& flags, const ServiceManager& manager) {
  process.descriptors = passed_descriptors(flags, manager);
  process.listening = manager.listen_fds > 0;
  if (tells(flags, manager)) process.notify_socket = manager.notify_socket;
}

} // namespace layerbox
