// info: the settings and where they came from, the store, and what this machine can do.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/backend_choice.hpp"
#include "cli/format_option.hpp"
#include "cli/machine_facts.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "runner/host_facts.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::ordered_json;

const char* privilege_word(Privilege privilege) {
  switch (privilege) {
  case Privilege::root:
    return "root";
  case Privilege::subordinate:
    return "subordinate";
  case Privilege::single:
    return "single";
  }
  return "";
}

std::uint64_t mapped_ids(const std::vector<IdRange>& ranges) {
  std::uint64_t count = 0;
  for (const IdRange& range : ranges)
    count += range.count;
  return count;
}

struct Facts {
  Settings settings;
  Identity identity;
  std::string kernel;
  std::string file_system;
  std::uint64_t free_bytes = 0;
  std::size_t images = 0;
  std::size_t layers = 0;
  std::size_t containers = 0;
  Evidence evidence;
  std::vector<BackendFact> backends;
  std::vector<NamespaceFact> namespaces;
  LandlockFact landlock;
};

Facts gather(Invocation& invocation) {
  Store& store = invocation.swept_store();
  Facts facts;
  facts.settings = invocation.settings();
  facts.identity = invocation.identity();
  facts.kernel = kernel_release();
  facts.file_system = file_system_name(store.root());
  facts.free_bytes = free_bytes(store.root());
  facts.images = store.catalog().images().size();
  facts.layers = store.catalog().layers().size();
  facts.containers = list_containers(store).size();
  facts.evidence = read_measurements(store);
  facts.backends = explain_backends(store, facts.evidence);
  facts.namespaces = namespace_facts();
  facts.landlock = probe_landlock();
  return facts;
}

std::vector<std::pair<const char*, const Setting*>> named(const Settings& settings) {
  return {{"root", &settings.root}, {"backend", &settings.backend}, {"network", &settings.network}};
}

Json evidence_json(const Evidence& evidence) {
  if (!evidence.measured) return {{"used", false}, {"reason", evidence_words(evidence)}};
  Json times = Json::array();
  for (const MeasuredBackend& one : evidence.measured->backends)
    times.push_back({{"name", one.name}, {"start_to_end_us", one.start_to_end_us}});
  return {{"used", true},
          {"reason", evidence_words(evidence)},
          {"date", rfc3339(evidence.measured->date)},
          {"image", evidence.measured->image.str()},
          {"backends", std::move(times)}};
}

std::string chosen_backend(const Facts& facts) {
  for (const BackendFact& backend : facts.backends)
    if (backend.chosen) return backend.name;
  return "";
}

Json document(const Facts& facts) {
  Json settings = Json::array();
  for (const auto& [name, setting] : named(facts.settings))
    settings.push_back({{"name", name}, {"value", setting->value}, {"origin", setting->origin}});
  Json backend_list = Json::array();
  for (const BackendFact& backend : facts.backends)
    backend_list.push_back({{"name", backend.name},
                            {"works", backend.probe.works},
                            {"reason", backend.probe.reason},
                            {"chosen", backend.chosen},
                            {"why", backend.why}});
  Json namespaces = Json::array();
  for (const NamespaceFact& fact : facts.namespaces)
    namespaces.push_back({{"name", fact.name}, {"works", fact.works}, {"reason", fact.reason}});
  return {{"version", LAYERBOX_VERSION},
          {"kernel", facts.kernel},
          {"settings", std::move(settings)},
          {"store",
           {{"path", facts.settings.root.value},
            {"file_system", facts.file_system},
            {"free_bytes", facts.free_bytes},
            {"images", facts.images},
            {"layers", facts.layers},
            {"containers", facts.containers}}},
          {"identity",
           {{"privilege", privilege_word(facts.identity.privilege)},
            {"uid", facts.identity.uid},
            {"gid", facts.identity.gid},
            {"mapped_uids", mapped_ids(facts.identity.store_map.uids)},
            {"mapped_gids", mapped_ids(facts.identity.store_map.gids)},
            {"reason", facts.identity.reason}}},
          {"backend", chosen_backend(facts)},
          {"backends", std::move(backend_list)},
          {"measurements", evidence_json(facts.evidence)},
          {"namespaces", std::move(namespaces)},
          {"landlock", {{"version", facts.landlock.version}, {"reason", facts.landlock.reason}}}};
}

std::string section(const std::string& title, const Table& table) {
  std::string text = '\n' + title + '\n';
  const std::string rows = table.text();
  for (std::size_t at = rows.find('\n') + 1; at < rows.size();) {
    const std::size_t end = rows.find('\n', at);
    text += "  " + rows.substr(at, end - at) + '\n';
    at = end + 1;
  }
  return text;
}

std::string text_of(const Facts& facts) {
  Table settings({{""}, {""}, {""}});
  for (const auto& [name, setting] : named(facts.settings))
    settings.row({name, setting->value, "from " + setting->origin});

  Table store({{""}, {""}});
  store.row({"path", facts.settings.root.value});
  store.row(
      {"file system", fmt::format("{}, {} free", facts.file_system, human_size(facts.free_bytes))});
  store.row({"holds", fmt::format("{} images, {} layers, {} containers", facts.images, facts.layers,
                                  facts.containers)});

  const Identity& who = facts.identity;
  Table identity({{""}, {""}});
  identity.row({"user", fmt::format("uid {}, gid {}", who.uid, who.gid)});
  identity.row({"ids for images", who.privilege == Privilege::root
                                      ? "all"
                                      : fmt::format("{}", mapped_ids(who.store_map.uids))});
  if (!who.reason.empty()) identity.row({"why not more", who.reason});

  Table backend_table({{""}, {""}, {""}, {""}});
  for (const BackendFact& backend : facts.backends)
    backend_table.row({backend.name,
                       backend.chosen        ? "chosen by auto"
                       : backend.probe.works ? "works"
                                             : "does not work",
                       backend.probe.works ? backend.why : "", backend.probe.reason});

  Table namespaces({{""}, {""}, {""}});
  for (const NamespaceFact& fact : facts.namespaces)
    namespaces.row({fact.name, fact.works ? "yes" : "no", fact.reason});

  Table walls({{""}, {""}, {""}});
  const LandlockFact& landlock = facts.landlock;
  walls.row({"landlock", landlock.version > 0 ? fmt::format("version {}", landlock.version) : "no",
             landlock.reason});

  return fmt::format("layerbox {} on {}\n", LAYERBOX_VERSION, facts.kernel) +
         section("Settings", settings) + section("Store", store) + section("Identity", identity) +
         section("Backends", backend_table) +
         fmt::format("  measured  {}\n", evidence_words(facts.evidence)) +
         section("Namespaces", namespaces) + section("Walls on request", walls);
}

class InfoVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Of the backends that work, auto takes the one that 'layerbox bench' measured as the "
        "fastest on this kernel and kind of file system; those that were not measured come after, "
        "in the order in which they are listed.\n\n"
        "The JSON document is an object: version, kernel, settings (name, value, origin), "
        "store, identity, backend (the one that auto takes), backends (name, works, reason, "
        "chosen, why), measurements (used, reason, and when used date, image, backends: name, "
        "start_to_end_us), namespaces (name, works, reason), and landlock (version, 0 for none, "
        "and the reason).");
    format_.declare(line);
    line.example("layerbox info", "see which backend is used, and why not another");
  }

  int run(Invocation& invocation) override {
    const Facts facts = gather(invocation);
    if (format_.json())
      print_json(document(facts));
    else
      print(text_of(facts));
    return exit_code::kDone;
  }

 private:
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_info_verb() {
  return std::make_unique<InfoVerb>();
}

} // namespace layerbox
