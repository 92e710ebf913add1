// ps: what containers there are.
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/container_filter.hpp"
#include "cli/find_container.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kCommandColumns = 30;

std::string shown_command(const std::vector<std::string>& words, bool whole) {
  std::string text = fmt::format("{}", fmt::join(words, " "));
  if (whole || text.size() <= kCommandColumns) return text;
  text.resize(kCommandColumns - 3);
  return text + "...";
}

class PsVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Those that run, in the order of their making; with -a, -n, -l or a filter for "
                 "'status' or 'exited' the stopped ones, too.\n\n"
                 "Filters: 'name' is a regular expression that a part of the name matches, 'id' a "
                 "beginning of the id, 'status' created, running, exited or dead, 'exited' an exit "
                 "status, 'ancestor' (or 'image') an image that the container's is or stands on, "
                 "'label' K or K=V, 'volume' and 'network' a name, 'before' and 'since' a "
                 "container that was made later or earlier.\n\n"
                 "The JSON document is an array of objects: id, name, image, state (created, "
                 "running, exited, or dead when layerbox was killed), exit_status (or null), pid "
                 "(0 when nothing runs), backend, command, labels, created.");
    line.flag("-a,--all", all_, "the stopped ones, too");
    line.number("-n,--last", last_, "N", "the last N that were made, stopped ones, too");
    line.flag("-l,--latest", latest_, "the last one that was made").excludes("--last");
    line.flag("--no-trunc", whole_, "whole ids and commands");
    filter_.declare(line);
    list_.declare(line);
    line.example("layerbox ps -a", "list all containers");
    line.example("layerbox ps --filter status=exited --filter label=job", "of some kind alone");
  }

  int run(Invocation& invocation) override {
    filter_.read();
    if (latest_) last_ = 1;
    Store& store = invocation.swept_store();
    const bool stopped_too = all_ || last_ > 0 || filter_.asks_for_a_state();
    for (ContainerInfo& container : filter_.chosen(store, list_containers(store)))
      if (stopped_too || container.held) containers_.push_back(std::move(container));
    if (last_ > 0 && containers_.size() > last_)
      containers_.erase(containers_.begin(),
                        containers_.end() - static_cast<std::ptrdiff_t>(last_));
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
                      {"labels", state.labels},
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
      table.row({whole_ ? state.id : short_id(state.id), state.name, state.image_name,
                 shown_command(state.command, whole_), word, human_age(state.created, now)});
    }
    return table.text();
  }

  bool all_ = false;
  bool latest_ = false;
  bool whole_ = false;
  std::uint32_t last_ = 0;
  ContainerFilter filter_;
  ListOptions list_;
  std::vector<ContainerInfo> containers_;
};

} // namespace

std::unique_ptr<Verb> make_ps_verb() {
  return std::make_unique<PsVerb>();
}

} // namespace layerbox
