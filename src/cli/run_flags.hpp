// run_flags: what the user wrote after `run`, word for word; merge_config gives it its meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/id_map_flags.hpp"
#include "cli/lifetime_flags.hpp"
#include "cli/limit_flags.hpp"
#include "cli/namespace_flags.hpp"
#include "cli/security_flags.hpp"
#include "cli/service_flags.hpp"

namespace layerbox {

struct RunFlags {
  std::vector<std::string> operands; // IMAGE COMMAND ARG…, or COMMAND ARG… with --rootfs
  bool dry_run = false;
  bool detach = false;
  bool create = false;                    // it is not run now
  std::optional<std::string> reported_as; // by a detached start, in place of the container's id
  bool restarted = false;                 // by 'restart'

  // The container.
  std::optional<std::string> name;
  bool keep = false;
  bool remove = false;
  std::optional<std::string> rootfs;
  std::optional<std::string> backend;
  std::optional<std::string> ephemeral; // the size, "" for the usual one
  std::optional<std::string> cidfile;
  std::optional<std::string> pidfile;
  std::vector<std::string> labels; // K=V

  // The process.
  bool interactive = false;
  bool terminal = false;
  bool init = false;
  std::vector<std::string> env; // K=V, or K for the value it has here
  std::vector<std::string> env_files;
  std::optional<std::string> workdir;
  std::optional<std::string> user;
  std::optional<std::string> entrypoint;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  LifetimeFlags lifetime;
  std::optional<std::string> restart;   // no
  std::vector<std::string> log_options; // K=V
  ServiceFlags service;

  SecurityFlags security;

  // Files.
  bool read_only = false;
  std::vector<std::string> volumes;
  std::vector<std::string> mounts;
  std::vector<std::string> tmpfs;
  std::vector<std::string> devices; // HOST[:INSIDE[:ACCESS]]
  std::uint64_t shm_bytes = std::uint64_t{64} << 20;

  LimitFlags limits;

  // Network and namespaces.
  std::optional<std::string> network;
  std::optional<std::string> hostname;
  std::vector<std::string> add_hosts; // NAME:ADDRESS
  std::vector<std::string> dns;       // addresses
  std::vector<std::string> published_ports;
  std::optional<std::string> userns; // auto
  IdMapFlags id_maps;
  NamespaceFlags namespaces;
};

// The options of `run`, and its operands.
void declare_run_flags(CommandLine& line, RunFlags& flags);

} // namespace layerbox
