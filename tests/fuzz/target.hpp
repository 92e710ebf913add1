// target: a door through which bytes of strangers come in, and what is promised behind it.
//
//     bool run_image_ref(std::string_view input) {
//       const auto ref = accepted([&] { return ImageRef::parse(input); });
//       if (!ref) return false;                                   // refused with an Error: good
//       require(ImageRef::parse(ref->str()) == *ref, "…");        // accepted: then this holds
//       return true;
//     }
//
// Two programs run them: libFuzzer's (libfuzzer.cpp, a program a target), which looks for new
// inputs, and fuzz_test, which changes the seeds a little and belongs to the suite.
#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace layerbox::fuzz {

struct Target {
  std::string_view name;
  // Whether the input was accepted. Whatever it throws is a finding.
  bool (*run)(std::string_view input);
  // Where to begin: at least one of them is accepted.
  std::vector<std::string> (*seeds)();
};

std::span<const Target> targets();
// Throws std::out_of_range when there is none.
const Target& find_target(std::string_view name);

// What the code says of itself is not so. It is no Error: nobody mistakes it for a refusal.
class BrokenPromise : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

inline void require(bool holds, const char* promise) {
  if (!holds) throw BrokenPromise(promise);
}

// What `parse` returns; nothing when it refused with an Error.
template <typename Parse> auto accepted(Parse parse) -> std::optional<decltype(parse())> {
  try {
    return parse();
  } catch (const Error&) {
    return std::nullopt;
  }
}

// One file a target.
bool run_accounts(std::string_view input);
std::vector<std::string> accounts_seeds();
bool run_archive_index(std::string_view input);
std::vector<std::string> archive_index_seeds();
bool run_command_line(std::string_view input);
std::vector<std::string> command_line_seeds();
bool run_docker_manifest(std::string_view input);
std::vector<std::string> docker_manifest_seeds();
bool run_image_config(std::string_view input);
std::vector<std::string> image_config_seeds();
bool run_image_ref(std::string_view input);
std::vector<std::string> image_ref_seeds();
bool run_layer_record(std::string_view input);
std::vector<std::string> layer_record_seeds();
bool run_oci_documents(std::string_view input);
std::vector<std::string> oci_documents_seeds();
bool run_seccomp_file(std::string_view input);
std::vector<std::string> seccomp_file_seeds();
bool run_tar(std::string_view input);
std::vector<std::string> tar_seeds();

} // namespace layerbox::fuzz
