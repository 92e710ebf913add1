#include "cli/settings.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/error.hpp"
#include "base/stream.hpp"
#include "base/unique_fd.hpp"
#include "cli/error_report.hpp"
#include "cli/nearest.hpp"
#include "cli/toml_subset.hpp"
#include "store/object_name.hpp"

namespace layerbox {
namespace {

constexpr std::array<const char*, 3> kKeys{"root", "backend", "network"};

Setting& setting_of(Settings& settings, std::string_view key) {
  if (key == "root") return settings.root;
  return key == "backend" ? settings.backend : settings.network;
}

// The content of a settings file; nothing when there is none.
std::optional<std::string> read_settings_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_errno(errno, fmt::format("reading the settings in '{}'", path));
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno(errno, fmt::format("stat '{}'", path));
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::invalid_argument, fmt::format("'{}' is not a regular file", path));
  FdSource source(fd, path);
  return read_all(source, kMaxSettingsBytes, path);
}

void take_file(Settings& settings, const std::string& path) {
  const std::optional<std::string> text = read_settings_file(path);
  if (!text) return;
  for (const TomlEntry& entry : parse_toml(*text, path)) {
    const std::string place = fmt::format("{}:{}", path, entry.line);
    const std::vector<std::string> keys(kKeys.begin(), kKeys.end());
    if (std::find(keys.begin(), keys.end(), entry.key) == keys.end()) {
      Error error(ErrorKind::invalid_argument,
                  fmt::format("{}: there is no setting '{}'", place, entry.key));
      error.set_hint(did_you_mean(entry.key, keys));
      throw error;
    }
    if (entry.kind != TomlKind::string)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("{}: the setting '{}' needs a string in quotes", place, entry.key));
    if (entry.key == "root" && !entry.value.starts_with('/'))
      throw Error(ErrorKind::invalid_argument, fmt::format("{}: 'root' is not absolute", place));
    setting_of(settings, entry.key) = {entry.value, place};
  }
}

// The XDG specification has relative values ignored.
std::optional<std::string> xdg_dir(const SettingsSources& sources, const char* variable,
                                   const char* below_home) {
  const std::optional<std::string> value = sources.environment(variable);
  if (value && value->starts_with('/')) return value;
  const std::optional<std::string> home = sources.environment("HOME");
  if (home && home->starts_with('/')) return *home + below_home;
  return std::nullopt;
}

void take_environment(Settings& settings, const SettingsSources& sources) {
  static constexpr std::array<const char*, 3> kVariables{"LAYERBOX_ROOT", "LAYERBOX_BACKEND",
                                                         "LAYERBOX_NETWORK"};
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    const std::optional<std::string> value = sources.environment(kVariables[i]);
    if (value && !value->empty()) setting_of(settings, kKeys[i]) = {*value, kVariables[i]};
  }
}

// Whether there is one of that name is seen when it is needed.
void check_network(const Setting& setting) {
  if (is_object_name(setting.value)) return;
  Error error(ErrorKind::invalid_argument,
              fmt::format("{}: '{}' is no network", setting.origin, setting.value));
  error.set_hint("none, host, bridge, pasta, or the name of a network");
  throw error;
}

std::string default_root(const SettingsSources& sources) {
  if (sources.for_root) return "/var/lib/layerbox";
  const std::optional<std::string> data = xdg_dir(sources, "XDG_DATA_HOME", "/.local/share");
  return data ? *data + "/layerbox" : "";
}

} // namespace

SettingsSources process_settings_sources(bool for_root) {
  SettingsSources sources;
  sources.for_root = for_root;
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
  return sources;
}

Settings load_settings(const SettingsSources& sources,
                       const std::optional<std::string>& root_flag) {
  Settings settings{{default_root(sources), "default"}, {"auto", "default"}, {"none", "default"}};
  take_file(settings, sources.machine_file);
  if (const std::optional<std::string> dir = xdg_dir(sources, "XDG_CONFIG_HOME", "/.config"))
    take_file(settings, *dir + "/layerbox/config.toml");
  take_environment(settings, sources);
  if (root_flag && root_flag->empty()) throw UsageError("--root: the name is empty");
  if (root_flag) settings.root = {*root_flag, "--root"};
  if (settings.root.value.empty()) {
    Error error(ErrorKind::not_found, settings.root.origin == "default"
                                          ? "there is no place for the store: HOME is not set"
                                          : "the store's directory has an empty name");
    error.set_hint("give a directory with --root or LAYERBOX_ROOT");
    throw error;
  }
  settings.root.value = absolute_path(settings.root.value, sources.working_directory);
  check_network(settings.network);
  return settings;
}

std::string absolute_path(std::string_view path, const std::string& directory) {
  std::string whole;
  if (path.starts_with('/')) {
    whole = path;
  } else if (!directory.empty()) {
    whole = fmt::format("{}/{}", directory, path);
  } else {
    std::array<char, PATH_MAX> buffer{};
    if (::getcwd(buffer.data(), buffer.size()) == nullptr)
      throw_errno(errno, "asking for the working directory");
    whole = fmt::format("{}/{}", buffer.data(), path);
  }
  std::string clean;
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t end = std::min(whole.find('/', at), whole.size());
    const std::string_view part = std::string_view(whole).substr(at, end - at);
    if (!part.empty() && part != ".") clean += fmt::format("/{}", part);
    at = end + 1;
  }
  return clean.empty() ? "/" : clean;
}

} // namespace layerbox
