#include "cli/bench/document.hpp"

#include <nlohmann/json.hpp>

namespace layerbox::bench {
namespace {

using BenchJson = nlohmann::ordered_json;

BenchJson spread_json(const Spread& spread) {
  if (spread.runs == 0) return nullptr;
  return {{"lowest", spread.lowest},
          {"median", spread.median},
          {"highest", spread.highest},
          {"runs", spread.runs}};
}

BenchJson file_json(const std::optional<ChosenFile>& file) {
  if (!file) return nullptr;
  return {{"path", file->path}, {"size_bytes", file->size_bytes}};
}

BenchJson contender_json(const Contender& one) {
  BenchJson json{{"name", one.name},
                 {"type", one.kind == Kind::backend ? "backend" : "peer"},
                 {"measured", one.left_out.empty()},
                 {"reason", one.left_out},
                 {"notes", one.notes}};
  for (const MetricWords& words : metric_words())
    json[words.field] = spread_json(one[words.metric]);
  return json;
}

} // namespace

nlohmann::ordered_json document_of(const Report& report) {
  BenchJson contenders = BenchJson::array();
  for (const Contender& one : report.contenders)
    contenders.push_back(contender_json(one));
  return {{"image", report.image_name},
          {"image_id", report.image_id},
          {"image_bytes", report.image_bytes},
          {"layers", report.layers},
          {"entries", report.entries},
          {"small_file", file_json(report.small)},
          {"large_file", file_json(report.large)},
          {"kernel", report.kernel},
          {"file_system", report.file_system},
          {"runs", report.runs},
          {"parallel", report.parallel},
          {"results", std::move(contenders)},
          {"recommended", report.advice.backend},
          {"reason", report.advice.reason},
          {"kept_for_auto", report.kept_for_auto},
          {"kept_reason", report.kept_reason}};
}

} // namespace layerbox::bench
