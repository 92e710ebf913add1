// history: the steps that made an image, and the layers they made.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "layers/stored_image.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kShownStep = 45; // characters, as docker shows them

// A step, and the layer that it made, if any.
struct Step {
  ImageHistory story;
  std::optional<LayerKey> layer;
  std::uint64_t size_bytes = 0;
};

// Bottom first. Layers that the history does not mention, or only some of, are steps without a
// story: those of the history belong to the lowest layers.
std::vector<Step> steps_of(const StoredImage& image, const Catalog& catalog) {
  std::vector<Step> steps;
  auto layer = image.row.layers.begin();
  const auto add_layer = [&](Step step) {
    step.layer = *layer++;
    if (const auto row = catalog.layer(*step.layer)) step.size_bytes = row->size_bytes;
    steps.push_back(std::move(step));
  };
  for (const ImageHistory& story : image.config.history) {
    if (story.empty_layer || layer == image.row.layers.end())
      steps.push_back({story, std::nullopt, 0});
    else
      add_layer({story, std::nullopt, 0});
  }
  while (layer != image.row.layers.end())
    add_layer({});
  return steps;
}

// Docker writes shell commands with the shell in front, and settings as "#(nop)".
std::string shortened(const std::string& created_by) {
  std::string text = created_by;
  for (const std::string_view beginning : {"/bin/sh -c #(nop) ", "/bin/sh -c "}) {
    if (!text.starts_with(beginning)) continue;
    text.erase(0, beginning.size());
    break;
  }
  text.erase(0, text.find_first_not_of(' '));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return width_of(text) > kShownStep ? fitted(text, kShownStep - 1) + "…" : text;
}

class HistoryVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "The newest step first. A step that only changed settings made no layer. Of layers that "
        "the image's config says nothing of, size and id are all that is known.\n\n"
        "The JSON document is an array of objects: created, created_by, author, comment, "
        "empty_layer, diff_id (or null), size_bytes (of the layer's files).");
    line.operand("REF", reference_, "a name, an id, or a unique beginning of one");
    line.flag("--no-trunc", whole_, "whole steps and ids");
    format_.declare(line);
    line.example("layerbox history debian:12", "how the image came to be");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    const Staging nothing_goes = store.new_staging();
    steps_ = steps_of(find_image(store, reference_), store.catalog());
    std::reverse(steps_.begin(), steps_.end());
    if (format_.json())
      print_json(document());
    else
      print(table());
    return exit_code::kDone;
  }

 private:
  nlohmann::ordered_json document() const {
    auto list = nlohmann::ordered_json::array();
    for (const Step& step : steps_) {
      nlohmann::ordered_json diff_id;
      if (step.layer) diff_id = step.layer->diff_id.str();
      list.push_back({{"created", step.story.created},
                      {"created_by", step.story.created_by},
                      {"author", step.story.author},
                      {"comment", step.story.comment},
                      {"empty_layer", !step.layer},
                      {"diff_id", diff_id},
                      {"size_bytes", step.size_bytes}});
    }
    return list;
  }

  std::string table() const {
    Table table({{"LAYER"}, {"CREATED"}, {"CREATED BY"}, {"SIZE", Align::right}, {"COMMENT"}});
    const std::int64_t now = std::time(nullptr);
    for (const Step& step : steps_) {
      const std::int64_t created = parse_rfc3339(step.story.created);
      const std::string id = step.layer ? step.layer->diff_id.hex() : "";
      table.row({!step.layer ? "-"
                 : whole_    ? step.layer->diff_id.str()
                             : short_id(id),
                 created < 0 ? "-" : human_age(created, now),
                 whole_ ? step.story.created_by : shortened(step.story.created_by),
                 human_size(step.size_bytes), step.story.comment});
    }
    return table.text();
  }

  std::string reference_;
  bool whole_ = false;
  FormatOption format_;
  std::vector<Step> steps_;
};

} // namespace

std::unique_ptr<Verb> make_history_verb() {
  return std::make_unique<HistoryVerb>();
}

} // namespace layerbox
