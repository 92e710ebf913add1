// settings: what a user may settle once, and where each value came from. Later wins:
//
//     the default · /etc/layerbox/config.toml · $XDG_CONFIG_HOME/layerbox/config.toml ·
//     LAYERBOX_ROOT, LAYERBOX_BACKEND, LAYERBOX_NETWORK · the flags
//
// A file that is not there costs one failed open.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

struct Setting {
  std::string value;
  std::string origin; // "default", "/etc/layerbox/config.toml:3", "LAYERBOX_ROOT", "--root"
};

struct Settings {
  Setting root;    // the store's directory, absolute
  Setting backend; // "auto" or a backend's name
  Setting network; // "none" or "host"
};

inline constexpr std::size_t kMaxSettingsBytes = std::size_t{1} << 20;

// Where settings are looked for; the tests give their own.
struct SettingsSources {
  std::string machine_file = "/etc/layerbox/config.toml";
  std::string working_directory; // "": the process's, asked for when it is needed
  // A variable of the environment; nothing when it is not set.
  std::function<std::optional<std::string>(const std::string&)> environment;
  bool for_root = false; // whose defaults: root's or an ordinary user's
};

// The process's own sources.
SettingsSources process_settings_sources(bool for_root);

// `root_flag` is the value of --root. Throws Error that names the file and line, or the variable.
Settings load_settings(const SettingsSources& sources, const std::optional<std::string>& root_flag);

// `path` made absolute against `directory` ("" is the working directory); "." and empty components
// are dropped, ".." is kept for the kernel to resolve.
std::string absolute_path(std::string_view path, const std::string& directory);

} // namespace layerbox
