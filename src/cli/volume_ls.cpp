// volume ls: what volumes there are.
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/format_option.hpp"
#include "cli/list_filter.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "cli/volume_report.hpp"

namespace layerbox {
namespace {

class VolumeLsVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Filters: 'name' is a regular expression that a part of the name matches, "
                 "'label' K or K=V, 'dangling' whether no container uses it.\n\n"
                 "The JSON document is an array of objects: name, created, labels, path, "
                 "containers (the names of those that use it).");
    filter_.declare(line);
    list_.declare(line, "-q,--names", "the names alone");
    line.example("layerbox volume ls", "list all volumes");
  }

  int run(Invocation& invocation) override {
    filter_.read();
    std::vector<VolumeReport> volumes = report_volumes(invocation.swept_store());
    std::erase_if(volumes, [this](const VolumeReport& volume) {
      const char* const dangling = volume.containers.empty() ? "true" : "false";
      return !filter_.name(volume.info.name) || !filter_.label(volume.info.labels) ||
             !filter_.any("dangling", [&](const std::string& value) { return value == dangling; });
    });
    list_.print_listing(
        names(volumes), [&] { return document(volumes); }, [&] { return table(volumes); });
    return exit_code::kDone;
  }

 private:
  static nlohmann::ordered_json document(const std::vector<VolumeReport>& volumes) {
    auto list = nlohmann::ordered_json::array();
    for (const VolumeReport& volume : volumes)
      list.push_back(volume_json(volume));
    return list;
  }

  static std::vector<std::string> names(const std::vector<VolumeReport>& volumes) {
    std::vector<std::string> list;
    for (const VolumeReport& volume : volumes)
      list.push_back(volume.info.name);
    return list;
  }

  static std::string table(const std::vector<VolumeReport>& volumes) {
    Table table({{"NAME"}, {"CREATED"}, {"CONTAINERS"}});
    const std::int64_t now = std::time(nullptr);
    for (const VolumeReport& volume : volumes)
      table.row(
          {volume.info.name, human_age(volume.info.created, now),
           volume.containers.empty() ? "-" : fmt::format("{}", fmt::join(volume.containers, ","))});
    return table.text();
  }

  ListFilter filter_{"volume ls", {"name", "label", {"dangling", {"true", "false"}}}};
  ListOptions list_;
};

} // namespace

std::unique_ptr<Verb> make_volume_ls_verb() {
  return std::make_unique<VolumeLsVerb>();
}

} // namespace layerbox
