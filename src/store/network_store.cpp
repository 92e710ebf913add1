#include "store/network_store.hpp"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "store/event_log.hpp"
#include "store/object_name.hpp"
#include "store/private_dir.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::json;

constexpr const char* kStaged = "network";

std::optional<UniqueFd> open_networks(const Store& store) {
  return try_open_beneath(store.root(), RelPath::parse(layout::kNetworks), kOpenDir);
}

std::string record_text(const NetworkRecord& record) {
  Json subnets = Json::array();
  for (const NetworkRecord::Subnet& subnet : record.subnets)
    subnets.push_back({{"subnet", subnet.prefix.text()}, {"gateway", subnet.gateway.text()}});
  const Json json = {{"created", record.created},   {"labels", record.labels},
                     {"link", record.link},         {"subnets", std::move(subnets)},
                     {"internal", record.internal}, {"mtu", record.mtu}};
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  if (text.size() > kMaxNetworkRecordBytes)
    throw Error(ErrorKind::limit_exceeded,
                "the labels are longer than " + std::to_string(kMaxNetworkRecordBytes) + " bytes");
  return text;
}

[[noreturn]] void throw_damaged(const std::string& name) {
  throw Error(ErrorKind::corrupt, "the record of network '" + name + "' is damaged");
}

NetworkRecord parse_record(const std::string& name, const std::string& text) {
  NetworkRecord record;
  record.name = name;
  try {
    const Json json = Json::parse(text);
    json.at("created").get_to(record.created);
    json.at("labels").get_to(record.labels);
    json.at("link").get_to(record.link);
    json.at("internal").get_to(record.internal);
    json.at("mtu").get_to(record.mtu);
    for (const Json& one : json.at("subnets")) {
      const auto prefix = IpPrefix::parse(one.at("subnet").get<std::string>());
      const auto gateway = IpAddress::parse(one.at("gateway").get<std::string>());
      if (!prefix || !gateway || !prefix->contains(*gateway)) throw_damaged(name);
      record.subnets.push_back({*prefix, *gateway});
    }
  } catch (const Json::exception&) {
    throw_damaged(name);
  }
  if (record.subnets.empty()) throw_damaged(name);
  return record;
}

std::vector<std::string> network_names(const Store& store) {
  const auto dir = open_networks(store);
  if (!dir) return {};
  std::vector<std::string> names = list_dir(*dir);
  std::erase_if(names, [](const std::string& name) { return !is_object_name(name); });
  return names;
}

std::vector<std::string> networks_of(const ContainerState& state) {
  return state.network ? std::vector<std::string>{state.network->name} : std::vector<std::string>();
}

// Requires the gate exclusive. One unlink: it is there or it is not.
void unlink_record(const Store& store, FdRef networks, const std::string& name) {
  fault_point("store.remove_network.before_unlink");
  unlink_at(networks, name.c_str());
  fsync_fd(networks, layout::kNetworks);
  record_events(store.root(), {named_event("network", "remove", name, name)});
}

} // namespace

bool create_network(const Store& store, const NetworkRecord& record) {
  require_object_name(record.name, "network");
  if (network_names(store).size() >= kMaxNetworks)
    throw Error(ErrorKind::limit_exceeded,
                "there are " + std::to_string(kMaxNetworks) + " networks already");
  const Staging staging = store.new_staging();
  write_new_file(staging.dir(), kStaged, record_text(record), 0600);
  fsync_fd(open_beneath(staging.dir(), RelPath::parse(kStaged), O_RDONLY | O_CLOEXEC), kStaged);
  const UniqueFd networks = make_or_open_private_dir(store.root(), layout::kNetworks);
  fsync_fd(store.root(), "the store's directory");
  fault_point("store.create_network.before_rename");
  try {
    rename_at(staging.dir(), kStaged, networks, record.name.c_str(), RENAME_NOREPLACE);
  } catch (const Error& error) {
    if (error.error_number() != EEXIST) throw;
    return false;
  }
  fsync_fd(networks, layout::kNetworks);
  Event event = named_event("network", "create", record.name, record.name);
  event.labels = record.labels;
  record_events(store.root(), {event});
  return true;
}

std::optional<NetworkRecord> find_network(const Store& store, const std::string& name) {
  const auto dir = is_object_name(name) ? open_networks(store) : std::nullopt;
  if (!dir) return std::nullopt;
  try {
    return parse_record(name, read_small_file(*dir, RelPath::parse(name), kMaxNetworkRecordBytes));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    throw;
  }
}

std::vector<NetworkRecord> list_networks(const Store& store) {
  std::vector<NetworkRecord> found;
  for (const std::string& name : network_names(store))
    if (auto network = find_network(store, name)) found.push_back(std::move(*network));
  return found;
}

ContainerUsers network_users(const Store& store) {
  return container_users(store, networks_of);
}

void remove_network(const Store& store, const std::string& name) {
  const RangeLock gate = store.gate(LockMode::exclusive);
  const auto dir = is_object_name(name) ? open_networks(store) : std::nullopt;
  if (!dir || !try_stat_at(*dir, name.c_str())) {
    Error error(ErrorKind::not_found, "there is no network '" + printable(name) + "'");
    error.set_hint("'layerbox network ls' lists the networks");
    throw error;
  }
  require_unused(all_container_users(store, networks_of), name);
  unlink_record(store, *dir, name);
}

std::vector<std::string> remove_unused_networks(const Store& store) {
  const RangeLock gate = store.gate(LockMode::exclusive);
  const ContainerUsers users = all_container_users(store, networks_of);
  std::vector<std::string> names = network_names(store);
  std::erase_if(names, [&](const std::string& name) { return users.contains(name); });
  if (names.empty()) return names;
  const auto dir = open_networks(store);
  for (const std::string& name : names)
    unlink_record(store, *dir, name);
  return names;
}

} // namespace layerbox
