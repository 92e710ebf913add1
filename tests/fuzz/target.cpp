#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <array>

namespace layerbox::fuzz {
namespace {

constexpr std::array<Target, 10> kTargets{{
    {"accounts", run_accounts, accounts_seeds},
    {"archive_index", run_archive_index, archive_index_seeds},
    {"command_line", run_command_line, command_line_seeds},
    {"docker_manifest", run_docker_manifest, docker_manifest_seeds},
    {"image_config", run_image_config, image_config_seeds},
    {"image_ref", run_image_ref, image_ref_seeds},
    {"layer_record", run_layer_record, layer_record_seeds},
    {"oci_documents", run_oci_documents, oci_documents_seeds},
    {"seccomp_file", run_seccomp_file, seccomp_file_seeds},
    {"tar", run_tar, tar_seeds},
}};

} // namespace

std::span<const Target> targets() {
  return kTargets;
}

const Target& find_target(std::string_view name) {
  const auto* const found = std::find_if(kTargets.begin(), kTargets.end(),
                                         [&](const Target& target) { return target.name == name; });
  if (found == kTargets.end()) throw std::out_of_range("there is no such target");
  return *found;
}

} // namespace layerbox::fuzz
