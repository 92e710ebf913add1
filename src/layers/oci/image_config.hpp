// image_config: what an image says about itself: its layers, how it was made, and how a command
// runs in it. The raw bytes stay with it, because their digest is the image's id.
//
//     ImageConfig config = parse_image_config(store.read_blob(image.id, limit));
//     config.process.env      == {"PATH=/usr/bin:/bin"}
//     config.diff_ids.size()  == 4
//
// Fields that are absent or null have their empty value; unknown fields are kept in `bytes` only.
// Source: OCI image-spec config.md; docker's image config v1.2 is the same in what is read here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"

namespace layerbox {

// The "config" object: the defaults of a container made from the image.
struct ImageProcess {
  std::optional<std::vector<std::string>> entrypoint; // nothing and empty differ for merging
  std::optional<std::vector<std::string>> cmd;
  std::vector<std::string> env; // K=V
  std::string user;             // USER[:GROUP], names or numbers
  std::string working_dir;      // "" means "/"
  std::map<std::string, std::string> labels;
  std::vector<std::string> exposed_ports; // "80/tcp"
  std::vector<std::string> volumes;       // paths in the image
  std::string stop_signal;                // "SIGTERM", "15"
};

struct ImageHistory {
  std::string created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false; // the step made no layer
};

struct ImageConfig {
  std::string bytes; // exactly as imported
  Digest id;         // sha256 of `bytes`
  std::string os;
  std::string architecture;
  std::string variant;
  std::string created; // RFC 3339; "" when the config does not say
  std::string author;
  std::vector<Digest> diff_ids; // bottom first
  ImageProcess process;
  std::vector<ImageHistory> history; // bottom first

  // OS/ARCH[/VARIANT]
  std::string platform() const;
};

// Throws Error(corrupt) that names the field when `bytes` is not an image config.
ImageConfig parse_image_config(std::string bytes);

} // namespace layerbox
