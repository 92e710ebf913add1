// config_instructions: a Dockerfile's instructions that change nothing but an image's config, as
// `commit --change` takes them.
//
//     ConfigInstructions instructions(config["config"]);
//     instructions.apply("ENV PATH=/opt/bin:$PATH");
//     instructions.apply("CMD [\"serve\", \"--all\"]");
//
// CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR, in upper or
// lower case, with docker's rules: a command that is no JSON array runs in a shell; ENTRYPOINT
// takes a CMD back that was not given beside it; variables are those of the image's environment.
//
// Source: Dockerfile reference; moby, daemon/builder/dockerfile (BuildFromConfig).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace layerbox {

class ConfigInstructions {
 public:
  // `process` is the "config" object of an image's config, or null; it outlives *this.
  explicit ConfigInstructions(nlohmann::json& process);

  // Throws Error(invalid_argument) that says what is wrong with `line`; then nothing is changed.
  void apply(std::string_view line);

 private:
  void set_command(const char* key, std::string_view arguments);
  void set_environment(std::string_view arguments);
  void set_labels(std::string_view arguments);
  void expose(std::string_view arguments);
  void add_volumes(std::string_view arguments);
  void set_working_directory(std::string_view arguments);
  void set_user(std::string_view arguments);
  void set_stop_signal(std::string_view arguments);
  void add_trigger(std::string_view arguments);

  std::string expand(std::string_view word) const;
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view arguments) const;
  nlohmann::json shell_command(std::string_view text) const;

  nlohmann::json& process_;
  bool command_given_ = false;
};

} // namespace layerbox
