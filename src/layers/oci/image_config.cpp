#include "layers/oci/image_config.hpp"

#include "layers/oci/json_document.hpp"

namespace layerbox {
namespace {

std::optional<std::vector<std::string>> command(const JsonField& field) {
  if (field.missing()) return std::nullopt;
  return field.texts();
}

// A Go map[string]struct{}: only the keys say something.
std::vector<std::string> keys(const JsonField& field) {
  std::vector<std::string> all;
  for (const auto& [key, value] : field.members()) {
    if (key.find('\0') != std::string::npos) field.fail("holds a NUL");
    all.push_back(key);
  }
  return all;
}

ImageProcess process_of(const JsonField& field) {
  ImageProcess process;
  process.entrypoint = command(field["Entrypoint"]);
  process.cmd = command(field["Cmd"]);
  process.env = field["Env"].texts();
  process.user = field["User"].text_or("");
  process.working_dir = field["WorkingDir"].text_or("");
  for (const auto& [key, value] : field["Labels"].members())
    process.labels[key] = value.text_or("");
  process.exposed_ports = keys(field["ExposedPorts"]);
  process.volumes = keys(field["Volumes"]);
  process.stop_signal = field["StopSignal"].text_or("");
  return process;
}

ImageHistory history_of(const JsonField& field) {
  ImageHistory step;
  step.created = field["created"].text_or("");
  step.created_by = field["created_by"].text_or("");
  step.author = field["author"].text_or("");
  step.comment = field["comment"].text_or("");
  step.empty_layer = field["empty_layer"].flag_or(false);
  return step;
}

} // namespace

std::string ImageConfig::platform() const {
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

ImageConfig parse_image_config(std::string bytes) {
  ImageConfig config;
  config.id = sha256(bytes);
  const JsonDocument document(bytes, "image config " + config.id.str());
  const JsonField root = document.root();
  config.os = root["os"].text_or("");
  config.architecture = root["architecture"].text_or("");
  config.variant = root["variant"].text_or("");
  config.created = root["created"].text_or("");
  config.author = root["author"].text_or("");
  const JsonField rootfs = root["rootfs"];
  if (rootfs.missing()) rootfs.fail("is missing");
  if (rootfs["type"].text_or("layers") != "layers") rootfs["type"].fail("is not 'layers'");
  for (const JsonField& id : rootfs["diff_ids"].items())
    config.diff_ids.push_back(id.digest());
  config.process = process_of(root["config"]);
  for (const JsonField& step : root["history"].items())
    config.history.push_back(history_of(step));
  config.bytes = std::move(bytes);
  return config;
}

} // namespace layerbox
