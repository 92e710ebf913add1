// Image configs: the config of an image that is made from a stranger's is accepted, and says of
// the process what its parent said.
#include "layers/oci/image_config.hpp"

#include "layers/oci/child_config.hpp"
#include "tests/fuzz/target.hpp"

namespace layerbox::fuzz {
namespace {

bool same(const ImageProcess& a, const ImageProcess& b) {
  return a.entrypoint == b.entrypoint && a.cmd == b.cmd && a.env == b.env && a.user == b.user &&
         a.working_dir == b.working_dir && a.labels == b.labels &&
         a.exposed_ports == b.exposed_ports && a.volumes == b.volumes &&
         a.stop_signal == b.stop_signal;
}

} // namespace

bool run_image_config(std::string_view input) {
  const auto config = accepted([&] { return parse_image_config(std::string(input)); });
  if (!config) return false;
  require(config->bytes == input && config->id == sha256(input), "a config's id is its digest");

  ChildImage child;
  child.diff_ids = config->diff_ids;
  child.diff_ids.push_back(sha256("the new layer"));
  child.step = {"2024-01-02T03:04:05Z", "made", "somebody", "", false};
  const ImageConfig made = parse_image_config(child_config_bytes(*config, child));
  require(made.diff_ids == child.diff_ids, "an image has the layers that it was given");
  require(same(made.process, config->process), "an image runs as the one that it was made from");
  require(made.platform() == config->platform(), "an image is for its parent's platform");
  require(!made.history.empty() && made.history.back().created_by == "made",
          "an image's last step is the one that made it");
  return true;
}

std::vector<std::string> image_config_seeds() {
  const std::string digest = "sha256:" + std::string(64, 'a');
  return {
      R"({"architecture":"arm64","os":"linux","variant":"v8","created":"2024-01-02T03:04:05.5Z",
     "config":{"Entrypoint":["/init"],"Cmd":null,"Env":["A=1","B="],"User":"1000:100",
     "WorkingDir":"/srv","Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{}},"Volumes":{"/data":{}},
     "StopSignal":"SIGINT"},"rootfs":{"type":"layers","diff_ids":[")" +
          digest +
          R"("]},"history":[{"created_by":"COPY","empty_layer":true},{"comment":"c"}],
     "container":"x","parent":"y","unknown":{"x":[1]}})",
      R"({"rootfs":{"diff_ids":null},"config":null})",
      R"({"os":"a","os":"b","rootfs":{},"history":null})"};
}

} // namespace layerbox::fuzz
