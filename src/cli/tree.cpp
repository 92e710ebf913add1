// tree: which layer of an image or a container each byte comes from, and which bytes are wasted.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/fs_at.hpp"
#include "cli/browse_tree.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/rootfs_operand.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "layers/view/account_trees.hpp"

namespace layerbox {
namespace {

constexpr std::uint32_t kUsualDepth = 2;
constexpr std::uint32_t kUsualTop = 10;
// What is kept in memory to be browsed: all directories of any tree that can be unpacked.
constexpr AccountLimits kBrowsed = {1'000'000, 1000, 1'000'000};

// One tree of the chain, and how it is called.
struct Tier {
  std::shared_ptr<const UniqueFd> fd;
  std::string name; // "1" is the lowest layer; "own" what the container wrote
  std::optional<LayerKey> layer;
};

// Topmost first. Unlike a view this has the layers below an opaque top, too: all of these is
// wasted.
std::vector<Tier> tiers_of(const Store& store, const RootfsOperand& operand) {
  std::vector<Tier> tiers;
  const std::vector<LayerKey>& layers = operand.layers();
  const std::vector<ViewTree>& seen = operand.view().trees;
  const bool has_own =
      !seen.empty() && !seen.front().path.starts_with(std::string(layout::kLayers) + '/');
  if (has_own) tiers.push_back({seen.front().fd, "own", std::nullopt});
  // A copy stands on nothing: the bytes of its image are its own.
  if (has_own && seen.size() == 1) return tiers;
  std::set<LayerKey> known;
  for (std::size_t i = layers.size(); i > 0; --i) {
    const LayerKey& key = layers[i - 1];
    if (!known.insert(key).second) continue; // it says nothing that it has not said above
    tiers.push_back({std::make_shared<const UniqueFd>(open_beneath(
                         store.root(), RelPath::parse(layout::layer_tree(key)), kOpenDir)),
                     std::to_string(i), key});
  }
  return tiers;
}

const char* waste_word(WasteKind kind) {
  return kind == WasteKind::replaced ? "replaced" : "removed";
}

class TreeVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "On a terminal, a view to go through: arrows or hjk move, enter opens a directory, left "
        "leaves it, w shows the wasted files, l the layers, s sorts by size or name, / finds a "
        "name and n the next one, q quits. With --no-browse, --format json, or where standard "
        "input or "
        "output is no terminal:\n\n"
        "Three tables: the layers, the topmost first ('own' is what a container wrote); the "
        "directories, each with all that is below it and the layers that this comes from; and the "
        "largest wasted files. A file is wasted when a layer above has something else in its "
        "place, or hides it: it takes space, and nobody can see it. WASTED is a part of SIZE.\n\n"
        "Sizes are the lengths of regular files, holes included, as 'images' and 'history' count "
        "them; a file with several names counts once in each layer. A container on the copy "
        "backend has no layers below it.\n\n"
        "The JSON document is an object: type (image or container), reference, size_bytes, "
        "wasted_bytes, layers (layer, "
        "diff_id or null, size_bytes, wasted_bytes, files), directories (path, size_bytes, "
        "wasted_bytes, layers: layer, size_bytes, wasted_bytes), wasted_files (path, size_bytes, "
        "layer, by, why: replaced or removed).");
    line.operand("IMAGE|CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.number("--depth", depth_, "N", "directories down to this depth (2); 0: / alone");
    line.flag("--no-browse", no_browse_, "the tables, also on a terminal");
    line.number("--top", top_, "N", "the N largest wasted files (10)");
    format_.declare(line);
    line.example("layerbox tree debian:12", "where the bytes are");
    line.example("layerbox tree --depth 0 --top 50 app:1", "what a squash would save");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.store();
    return in_trees_namespace(invocation.identity(), [&] { return show(store); });
  }

 private:
  int show(Store& store) {
    if (!format_.json() && !no_browse_ && can_browse()) return browse(look_at_all(store));
    store.sweep();
    const Staging nothing_goes = store.new_staging();
    const RootfsOperand operand = account_for(store, {depth_, top_});
    if (format_.json())
      print_json(document(operand));
    else
      print(tables());
    return exit_code::kDone;
  }

  RootfsOperand account_for(Store& store, const AccountLimits& limits) {
    RootfsOperand operand = RootfsOperand::open(store, reference_, Records::unread);
    tiers_ = tiers_of(store, operand);
    std::vector<FdRef> trees;
    for (const Tier& tier : tiers_)
      trees.emplace_back(*tier.fd);
    account_ = account_trees(trees, limits);
    operand.require_still_there();
    return operand;
  }

  // Nothing of the store is held when it returns: who browses may take his time.
  BrowsedTree look_at_all(Store& store) {
    store.sweep();
    const Staging nothing_goes = store.new_staging();
    (void)account_for(store, kBrowsed);
    BrowsedTree tree{reference_, {}, std::move(account_)};
    for (const Tier& tier : tiers_)
      tree.tiers.push_back(
          {tier.name, tier.layer ? short_id(tier.layer->diff_id.hex()) : std::string("-")});
    tiers_.clear();
    return tree;
  }

  nlohmann::ordered_json document(const RootfsOperand& operand) const {
    const TreeShare sum = sum_of(account_.trees);
    nlohmann::ordered_json layers = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < tiers_.size(); ++i) {
      const TreeShare& share = account_.trees[i];
      nlohmann::ordered_json diff_id;
      if (tiers_[i].layer) diff_id = tiers_[i].layer->diff_id.str();
      layers.push_back({{"layer", tiers_[i].name},
                        {"diff_id", diff_id},
                        {"size_bytes", share.bytes},
                        {"wasted_bytes", share.wasted_bytes},
                        {"files", share.files}});
    }
    return {{"type", operand.container() != nullptr ? "container" : "image"},
            {"reference", reference_},
            {"size_bytes", sum.bytes},
            {"wasted_bytes", sum.wasted_bytes},
            {"layers", std::move(layers)},
            {"directories", directories_json()},
            {"wasted_files", files_json()}};
  }

  nlohmann::ordered_json directories_json() const {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [path, shares] : account_.folders) {
      const TreeShare sum = sum_of(shares);
      auto layers = nlohmann::ordered_json::array();
      for (std::size_t i = 0; i < shares.size(); ++i)
        if (shares[i].files > 0)
          layers.push_back({{"layer", tiers_[i].name},
                            {"size_bytes", shares[i].bytes},
                            {"wasted_bytes", shares[i].wasted_bytes}});
      list.push_back({{"path", '/' + path},
                      {"size_bytes", sum.bytes},
                      {"wasted_bytes", sum.wasted_bytes},
                      {"layers", std::move(layers)}});
    }
    return list;
  }

  nlohmann::ordered_json files_json() const {
    auto list = nlohmann::ordered_json::array();
    for (const WastedFile& file : account_.wasted)
      list.push_back({{"path", '/' + file.path},
                      {"size_bytes", file.bytes},
                      {"layer", tiers_[file.tree].name},
                      {"by", tiers_[file.hidden_by].name},
                      {"why", waste_word(file.kind)}});
    return list;
  }

  std::string tables() const {
    Table layers({{"LAYER", Align::right},
                  {"DIFF ID"},
                  {"FILES", Align::right},
                  {"SIZE", Align::right},
                  {"WASTED", Align::right}});
    for (std::size_t i = 0; i < tiers_.size(); ++i) {
      const TreeShare& share = account_.trees[i];
      layers.row({tiers_[i].name, tiers_[i].layer ? short_id(tiers_[i].layer->diff_id.hex()) : "-",
                  std::to_string(share.files), human_size(share.bytes),
                  human_size(share.wasted_bytes)});
    }
    const TreeShare all = sum_of(account_.trees);
    layers.row({"all", "-", std::to_string(all.files), human_size(all.bytes),
                human_size(all.wasted_bytes)});
    return layers.text() + '\n' + directory_table() + wasted_table();
  }

  std::string directory_table() const {
    Table table({{"SIZE", Align::right}, {"WASTED", Align::right}, {"LAYERS"}, {"DIRECTORY"}});
    for (const auto& [path, shares] : account_.folders) {
      const TreeShare sum = sum_of(shares);
      std::string from;
      for (std::size_t i = shares.size(); i > 0; --i)
        if (shares[i - 1].bytes > 0) from += (from.empty() ? "" : ",") + tiers_[i - 1].name;
      table.row({human_size(sum.bytes), human_size(sum.wasted_bytes), from.empty() ? "-" : from,
                 '/' + path});
    }
    return table.text();
  }

  std::string wasted_table() const {
    if (account_.wasted.empty()) return {};
    Table table({{"WASTED", Align::right}, {"LAYER", Align::right}, {"WHY"}, {"FILE"}});
    for (const WastedFile& file : account_.wasted)
      table.row({human_size(file.bytes), tiers_[file.tree].name,
                 fmt::format("{} by {}", waste_word(file.kind), tiers_[file.hidden_by].name),
                 '/' + file.path});
    return '\n' + table.text();
  }

  std::string reference_;
  std::uint32_t depth_ = kUsualDepth;
  std::uint32_t top_ = kUsualTop;
  bool no_browse_ = false;
  FormatOption format_;
  std::vector<Tier> tiers_; // topmost first
  Account account_;
};

} // namespace

std::unique_ptr<Verb> make_tree_verb() {
  return std::make_unique<TreeVerb>();
}

} // namespace layerbox
