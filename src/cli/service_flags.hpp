// service_flags: what a service manager has given layerbox for its service, and what of it the
// command gets: a socket to tell it things (--sdnotify), descriptors that were opened for it, and
// those that --preserve-fds adds.
//
//     NOTIFY_SOCKET=/run/systemd/notify    the command: NOTIFY_SOCKET=/dev/layerbox-notify
//     LISTEN_PID=ours LISTEN_FDS=2         descriptors 3 and 4; LISTEN_FDS=2, LISTEN_PID its own
//     --preserve-fds 1                     and 5; it is not counted in LISTEN_FDS, as with podman
//
// Source: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/environment.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

struct ServiceFlags {
  std::string sdnotify = "container";
  std::uint32_t preserve_fds = 0;
};

struct ServiceManager {
  std::string notify_socket;    // "" for none
  std::string watchdog_usec;    // "" for none
  std::uint32_t listen_fds = 0; // descriptors from 3 on
  std::optional<std::string> listen_names;
};

void declare_service_flags(CommandLine& line, ServiceFlags& flags);

// What the environment says, as far as it says it to the process `self`. Throws
// Error(invalid_argument) for a count that is none.
ServiceManager read_service_manager(const HostVariable& variable, pid_t self);

// How many descriptors the command gets beside the standard ones.
std::uint32_t passed_descriptors(const ServiceFlags& flags, const ServiceManager& manager);
// That descriptors 3 to 2+`count` are open; from now on no helper of ours inherits them. Requires
// that layerbox has opened nothing yet, which would be taken for one of them. Throws Error that
// says which is not, or limit_exceeded.
void take_descriptors(std::uint32_t count);

// The command's variables that tell of it: K=V.
std::vector<std::string> service_environment(const ServiceFlags& flags,
                                             const ServiceManager& manager);
void apply_service(ProcessSpec& process, const ServiceFlags& flags, const ServiceManager& manager);

} // namespace layerbox
