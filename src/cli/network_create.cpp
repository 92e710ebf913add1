// network create: a network that containers can be put on.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/error_report.hpp"
#include "cli/labels.hpp"
#include "cli/network_flags.hpp"
#include "cli/new_network.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

class NetworkCreateVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Prints the network's name. Nothing of it is up until a container is on it, nor when the "
        "last one has gone. Its containers find each other by name in /etc/hosts, reach what this "
        "host reaches, and are not reached by containers of other networks, but by the ports that "
        "they publish.\n\n"
        "The network 'bridge' needs no making.");
    line.operands("NAME", names_, Arity::one_or_more, "letters, digits, '_', '.' and '-'");
    line.list("--subnet", subnets_, "ADDRESS/LENGTH",
              "its addresses, one subnet of IPv4, one of IPv6, or both; one that is free when it "
              "is left out");
    line.list("--gateway", gateways_, "ADDRESS", "this host's address in a subnet; the first one");
    line.flag("--ipv6", request_.ipv6, "addresses of IPv6, too");
    line.flag("--internal", request_.internal,
              "its containers reach each other and this host only");
    line.number("--mtu", request_.mtu, "BYTES", "the largest packet (1500)");
    line.list("-l,--label", labels_, "K=V", "a label that inspect shows");
    line.example("layerbox network create blue", "make the network 'blue'");
    line.example("layerbox run --network blue --name web -p 8080:80 web", "and use it");
  }

  int run(Invocation& invocation) override {
    if (names_.size() > 1)
      throw UsageError(fmt::format("network create: one name, not also '{}'", names_[1]));
    const std::string& name = names_.front();
    parse();
    const NetworkWish wish = parse_network_wish(name);
    if (wish.mode != NetworkMode::bridge)
      throw UsageError(fmt::format("network create: '{}' means something else to --network", name));
    Store& store = invocation.swept_store();
    with_context([&] { return fmt::format("making network '{}'", name); },
                 [&] { make(store, name); });
    print(name + '\n');
    return exit_code::kDone;
  }

 private:
  void parse() {
    for (const std::string& text : subnets_) {
      const auto prefix = IpPrefix::parse(text);
      if (!prefix)
        throw UsageError(fmt::format("network create: --subnet: '{}' is no subnet", text),
                         "write ADDRESS/LENGTH without bits beyond the length: 10.1.2.0/24");
      request_.subnets.push_back(*prefix);
    }
    for (const std::string& text : gateways_) {
      const auto address = IpAddress::parse(text);
      if (!address)
        throw UsageError(fmt::format("network create: --gateway: '{}' is no IP address", text));
      request_.gateways.push_back(*address);
    }
    request_.labels = parse_labels("network create", labels_);
  }

  void make(const Store& store, const std::string& name) const {
    if (!find_network(store, name) && create_network(store, new_network(store, name, request_)))
      return;
    Error error(ErrorKind::already_exists, "there is one of that name");
    error.set_hint(fmt::format("'layerbox network inspect {}' shows it", name));
    throw error;
  }

  std::vector<std::string> names_;
  std::vector<std::string> subnets_;
  std::vector<std::string> gateways_;
  std::vector<std::string> labels_;
  NetworkRequest request_;
};

} // namespace

std::unique_ptr<Verb> make_network_create_verb() {
  return std::make_unique<NetworkCreateVerb>();
}

} // namespace layerbox
