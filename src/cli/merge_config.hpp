// merge_config: the image's config and the user's flags become a RunSpec, with docker's rules. It
// is pure: what it needs of the host is given to it.
//
//     image ENTRYPOINT [/init], CMD [serve]     flags: -e A=1 IMAGE sh -c true
//     args [/init, sh, -c, true]                env PATH=…, HOSTNAME=…, the image's, A=1
//
// Of the RunSpec it fills what image and flags decide; rootfs, id map, network and provided files
// are run's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/environment.hpp"
#include "cli/network_flags.hpp"
#include "cli/run_flags.hpp"
#include "layers/oci/image_config.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

// What merging knows of the host.
struct Surroundings {
  std::string container_id;
  std::string working_directory; // absolute
  HostVariable variable;
  struct EnvFile {
    std::string name;
    std::string content;
  };
  std::vector<EnvFile> env_files;          // of flags.env_files, in order
  std::optional<SeccompFile> seccomp_file; // of flags.security
  std::string network = "none";            // the setting, when no flag says otherwise
  std::string host_name;                   // of this machine
  ServiceManager service_manager;
};

inline constexpr const char* kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The command of the operands: all after IMAGE, or all with --rootfs; one leading "--" is dropped.
std::vector<std::string> command_of(const RunFlags& flags);

// -v, --mount and --tmpfs, in the order in which they are made. Relative sources are below
// `working_directory`. Throws UsageError.
std::vector<MountSpec> merge_mounts(const RunFlags& flags, const std::string& working_directory);

// ENTRYPOINT and CMD of the image, --entrypoint, and the command. A given entrypoint makes the
// image's CMD void; an empty one stands for none. Throws Error(invalid_argument) when nothing
// remains to run.
std::vector<std::string> merge_args(const ImageProcess& image,
                                    const std::optional<std::string>& entrypoint,
                                    const std::vector<std::string>& command);

// What the flags, or else the setting, say of namespaces. Throws UsageError.
NamespaceWishes merge_namespaces(const RunFlags& flags, const std::string& network_setting);

// The same of the network; what of it is a namespace stands in the former, too.
NetworkWish merge_network(const RunFlags& flags, const std::string& network_setting);

// What of merge_config() does not depend on the image, and makes the walls: for begin_container().
RunSpec merge_walls(const RunFlags& flags, const NamespaceWishes& wishes,
                    const std::string& network_setting);

// Namespaces to be entered are not opened: that is open_joined_namespaces(). Throws UsageError for
// flags that make no sense.
RunSpec merge_config(const ImageProcess& image, const RunFlags& flags,
                     const Surroundings& surroundings);

} // namespace layerbox
