// volume inspect: everything known about volumes, as JSON.
#include <nlohmann/json.hpp>

#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "cli/volume_report.hpp"

namespace layerbox {
namespace {

class VolumeInspectVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Prints a JSON array with an object for each operand, in their order.");
    line.operands("NAME", names_, Arity::one_or_more, "a volume");
    line.text("--format", format_, "FORMAT", "json, which is the only one").choices({"json"});
    line.example("layerbox volume inspect cache | jq -r '.[0].path'", "where its files lie");
  }

  int run(Invocation& invocation) override {
    const Store& store = invocation.swept_store();
    auto list = nlohmann::ordered_json::array();
    for (const std::string& name : names_)
      list.push_back(volume_json(report_volume(store, name)));
    print_json(list);
    return exit_code::kDone;
  }

 private:
  std::vector<std::string> names_;
  std::string format_ = "json";
};

} // namespace

std::unique_ptr<Verb> make_volume_inspect_verb() {
  return std::make_unique<VolumeInspectVerb>();
}

} // namespace layerbox
