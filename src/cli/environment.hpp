// environment: the command's variables, merged as docker merges them.
//
//     the defaults  <  the image's  <  --env-file, in order  <  -e, in order
//
// A name alone (-e NAME, or a line NAME) takes the value it has in layerbox's own environment; when
// it has none there, -e takes the variable away and a file's line does nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

using HostVariable = std::function<std::optional<std::string>(const std::string& name)>;

class Environment {
 public:
  // "K=V": replaces K where it stands, or appends.
  void set(const std::string& assignment);
  void set_default(const std::string& assignment); // nothing when K is there
  void remove(std::string_view name);
  std::vector<std::string> take() { return std::move(variables_); }

 private:
  std::vector<std::string>::iterator find(std::string_view name);
  std::vector<std::string> variables_;
};

// One -e. Throws UsageError for an empty name.
void apply_env_flag(Environment& environment, const std::string& flag, const HostVariable& host);
// The lines of an --env-file called `name`: K=V or K; blank lines and lines that begin with '#' are
// skipped; values are taken as they stand, quotes too. Throws Error(invalid_argument, "NAME:LINE:
// …").
void apply_env_file(Environment& environment, std::string_view text, const std::string& name,
                    const HostVariable& host);

} // namespace layerbox
