// volume prune, network prune: those that no container uses go.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/network_store.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

struct PrunedNoun {
  const char* details;
  const char* example;
  std::vector<std::string> (*remove_unused)(const Store&);
};

constexpr PrunedNoun kPrunedVolume = {
    "Removes every volume that no running and no kept container uses, with what is in it, and "
    "prints their names. The JSON document is an array of objects: name.",
    "layerbox volume prune", remove_unused_volumes};
constexpr PrunedNoun kPrunedNetwork = {
    "Removes every network that no running and no kept container uses, and prints their names. The "
    "JSON document is an array of objects: name.",
    "layerbox network prune", remove_unused_networks};

class NamedPruneVerb : public Verb {
 public:
  explicit NamedPruneVerb(const PrunedNoun& noun) : noun_(noun) {}

  void declare(CommandLine& line) override {
    line.details(noun_.details);
    format_.declare(line);
    line.example(noun_.example, "remove what nothing uses");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    const std::vector<std::string> removed = noun_.remove_unused(store);
    store.sweep();
    if (format_.json()) {
      auto list = nlohmann::ordered_json::array();
      for (const std::string& name : removed)
        list.push_back({{"name", name}});
      print_json(list);
      return exit_code::kDone;
    }
    for (const std::string& name : removed)
      print(name + '\n');
    return exit_code::kDone;
  }

 private:
  const PrunedNoun& noun_;
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_volume_prune_verb() {
  return std::make_unique<NamedPruneVerb>(kPrunedVolume);
}

std::unique_ptr<Verb> make_network_prune_verb() {
  return std::make_unique<NamedPruneVerb>(kPrunedNetwork);
}

} // namespace layerbox
