// volume prune: the volumes that no container uses go.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

class VolumePruneVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Removes every volume that no running and no kept container uses, with what is "
                 "in it, and prints their names. The JSON document is an array of objects: name.");
    format_.declare(line);
    line.example("layerbox volume prune", "remove what nothing uses");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    const std::vector<std::string> removed = remove_unused_volumes(store);
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
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_volume_prune_verb() {
  return std::make_unique<VolumePruneVerb>();
}

} // namespace layerbox
