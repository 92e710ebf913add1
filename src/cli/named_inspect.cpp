// volume inspect, network inspect: everything known about them, as JSON.
#include <nlohmann/json.hpp>

#include "cli/network_report.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "cli/volume_report.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::ordered_json;

struct InspectedNoun {
  const char* word;
  const char* example;
  const char* purpose;
  Json (*describe)(const Store&, const std::string&);
};

constexpr InspectedNoun kInspectedVolume = {
    "a volume", "layerbox volume inspect cache | jq -r '.[0].path'", "where its files lie",
    [](const Store& store, const std::string& name) {
      return volume_json(report_volume(store, name));
    }};
constexpr InspectedNoun kInspectedNetwork = {
    "a network", "layerbox network inspect blue | jq -r '.[0].subnets[0].subnet'", "its addresses",
    [](const Store& store, const std::string& name) {
      return network_json(report_network(store, name));
    }};

class NamedInspectVerb : public Verb {
 public:
  explicit NamedInspectVerb(const InspectedNoun& noun) : noun_(noun) {}

  void declare(CommandLine& line) override {
    line.details("Prints a JSON array with an object for each operand, in their order.");
    line.operands("NAME", names_, Arity::one_or_more, noun_.word);
    line.text("--format", format_, "FORMAT", "json, which is the only one").choices({"json"});
    line.example(noun_.example, noun_.purpose);
  }

  int run(Invocation& invocation) override {
    const Store& store = invocation.swept_store();
    Json list = Json::array();
    for (const std::string& name : names_)
      list.push_back(noun_.describe(store, name));
    print_json(list);
    return exit_code::kDone;
  }

 private:
  const InspectedNoun& noun_;
  std::vector<std::string> names_;
  std::string format_ = "json";
};

} // namespace

std::unique_ptr<Verb> make_volume_inspect_verb() {
  return std::make_unique<NamedInspectVerb>(kInspectedVolume);
}

std::unique_ptr<Verb> make_network_inspect_verb() {
  return std::make_unique<NamedInspectVerb>(kInspectedNetwork);
}

} // namespace layerbox
