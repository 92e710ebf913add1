// network ls: the networks of the store.
#include <nlohmann/json.hpp>

#include "cli/format_option.hpp"
#include "cli/list_filter.hpp"
#include "cli/network_report.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

class NetworkLsVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Filters: 'name' is a regular expression that a part of the name matches, "
                 "'label' K or K=V.\n\n"
                 "The JSON document is an array of objects: name, created, labels, link (of this "
                 "host), subnets (subnet and gateway of each), internal, mtu, containers (id, "
                 "name, addresses and ports of those that use it).");
    filter_.declare(line);
    list_.declare(line, "-q,--names", "the names alone");
    line.example("layerbox network ls", "list all networks");
  }

  int run(Invocation& invocation) override {
    filter_.read();
    std::vector<NetworkReport> networks = report_networks(invocation.swept_store());
    std::erase_if(networks, [this](const NetworkReport& network) {
      return !filter_.name(network.record.name) || !filter_.label(network.record.labels);
    });
    list_.print_listing(
        names(networks), [&] { return document(networks); }, [&] { return table(networks); });
    return exit_code::kDone;
  }

 private:
  static std::vector<std::string> names(const std::vector<NetworkReport>& networks) {
    std::vector<std::string> list;
    for (const NetworkReport& network : networks)
      list.push_back(network.record.name);
    return list;
  }

  static nlohmann::ordered_json document(const std::vector<NetworkReport>& networks) {
    auto list = nlohmann::ordered_json::array();
    for (const NetworkReport& network : networks)
      list.push_back(network_json(network));
    return list;
  }

  static std::string table(const std::vector<NetworkReport>& networks) {
    Table table({{"NAME"}, {"SUBNETS"}, {"LINK"}, {"CONTAINERS", Align::right}, {"CREATED"}});
    const std::int64_t now = std::time(nullptr);
    for (const NetworkReport& network : networks) {
      std::string subnets;
      for (const NetworkRecord::Subnet& subnet : network.record.subnets)
        subnets += (subnets.empty() ? "" : ", ") + subnet.prefix.text();
      table.row({network.record.name, subnets, network.record.link,
                 std::to_string(network.containers.size()),
                 human_age(network.record.created, now)});
    }
    return table.text();
  }

  ListFilter filter_{"network ls", {"name", "label"}};
  ListOptions list_;
};

} // namespace

std::unique_ptr<Verb> make_network_ls_verb() {
  return std::make_unique<NetworkLsVerb>();
}

} // namespace layerbox
