// ps: what containers there are.
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/find_container.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kCommandColumns = 30;

std::string shown_command(const std::vector<std::string>& words) {
  std::string text = fmt::format("{}", fmt::join(words, " "));
  if (text.size() <= kCommandColumns) return text;
  text.resize(kCommandColumns - 3);
  return text + "...";
}

class PsVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("The JSON document is an array of objects: id, name, image, state (created, "
                 "running, exited, or dead when layerbox was killed), exit_status (or null), pid "
                 "(0 when nothing runs), backend, command, created.");
    line.flag("-a,--all", all_, "the stopped ones, too");
    list_.declare(line);
    line.example("layerbox ps -a", "list all containers");
  }

  int run(Invocation& invocation) override {
    for (ContainerInfo& container : list_containers(invocation.swept_store()))
      if (all_ || container.held) containers_.push_back(std::move(container));
    list_.print_listing(
        ids(), [this] { return document(); }, [this] { return table(); });
    return exit_code::kDone;
  }

 private:
  std::vector<std::string> ids() const {
    std::vector<std::string> list;
    for (const ContainerInfo& container : containers_)
      list.push_back(container.state.id);
    return list;
  }

  nlohmann::ordered_json document() const {
    auto list = nlohmann::ordered_json::array();
    for (const ContainerInfo& container : containers_) {
      const ContainerState& state = container.state;
      nlohmann::ordered_json status;
      if (state.exit_status) status = *state.exit_status;
      list.push_back({{"id", state.id},
                      {"name", state.name},
                      {"image", state.image_name},
                      {"state", state_word(container)},
                      {"exit_status", status},
                      {"pid", container.running ? state.pid : 0},
                      {"backend", state.backend},
                      {"command", state.command},
                      {"created", rfc3339(state.created)}});
    }
    return list;
  }

  std::string table() const {
    Table table({{"ID"}, {"NAME"}, {"IMAGE"}, {"COMMAND"}, {"STATE"}, {"CREATED"}});
    const std::int64_t now = std::time(nullptr);
    for (const ContainerInfo& container : containers_) {
      const ContainerState& state = container.state;
      std::string word = state_word(container);
      if (state.exit_status) word += fmt::format(" ({})", *state.exit_status);
      table.row({short_id(state.id), state.name, state.image_name, shown_command(state.command),
                 word, human_age(state.created, now)});
    }
    return table.text();
  }

  bool all_ = false;
  ListOptions list_;
  std::vector<ContainerInfo> containers_;
};

} // namespace

std::unique_ptr<Verb> make_ps_verb() {
  return std::make_unique<PsVerb>();
}

} // namespace layerbox
