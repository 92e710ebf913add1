// provided_files: the small files a container gets bound over its own: /etc/hosts, /etc/hostname,
// /etc/resolv.conf. Source: hosts(5), hostname(5), resolv.conf(5).
#pragma once

#include <string>
#include <vector>

#include "runner/run_spec.hpp"

namespace layerbox {

struct NameFlags {
  std::vector<std::string> add_hosts; // NAME:ADDRESS or NAME=ADDRESS
  std::vector<std::string> dns;       // addresses
};

// Without a `hostname`, as in another's uts namespace, there is no /etc/hostname.
// `host_resolv_conf` is what the host has; used where the network is not the container's own.
// Throws UsageError for what is no address.
std::vector<RunSpec::ProvidedFile> provided_files(const std::string& hostname, NetworkMode network,
                                                  const NameFlags& flags,
                                                  const std::string& host_resolv_conf);

// The host's /etc/resolv.conf as a container on `network` can use it: on one of its own the host's
// loopback addresses are not the host's. "" when there is none, or no network. Throws Error for one
// that is no small file.
std::string read_host_resolv_conf(NetworkMode network);

// Pure: name servers on loopback addresses become `instead`, or go when that is "".
std::string without_loopback_servers(const std::string& text, const std::string& instead);

} // namespace layerbox
