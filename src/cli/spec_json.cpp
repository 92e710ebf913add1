#include "cli/spec_json.hpp"

#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/plan_json.hpp"
#include "runner/resource_limits.hpp"

#include "runner/cgroup_files.hpp"

namespace layerbox {

using Json = nlohmann::ordered_json;

namespace {

Json limits_json(const std::vector<ResourceLimit>& limits) {
  Json list = Json::array();
  for (const ResourceLimit& limit : limits)
    list.push_back({{"name", resource_name(limit.resource)},
                    {"soft", limit_json(limit.soft)},
                    {"hard", limit_json(limit.hard)}});
  return list;
}

Json process_json(const ProcessSpec& process) {
  return {{"args", process.args},
          {"env", process.env},
          {"cwd", process.cwd},
          {"user", process.user.text},
          {"terminal", process.terminal},
          {"interactive", process.interactive},
          {"init", process.init},
          {"timeout_s", process.end.timeout_s},
          {"capabilities", process.capabilities},
          {"no_new_privileges", process.no_new_privileges},
          {"limits", limits_json(process.limits)},
          {"oom_score_adj", process.oom_score_adj ? Json(*process.oom_score_adj) : Json()}};
}

std::string_view seccomp_text(SeccompMode mode) {
  switch (mode) {
  case SeccompMode::standard:
    return "default";
  case SeccompMode::unconfined:
    return "unconfined";
  case SeccompMode::given:
    return "profile";
  }
  return "";
}

Json landlock_json(const LandlockSpec& landlock) {
  Json paths = Json::array();
  for (const LandlockPath& rule : landlock.paths)
    paths.push_back({{"access", landlock_access_text(rule.access)}, {"path", rule.path}});
  return {{"paths", paths},
          {"connect", landlock.connect_ports},
          {"bind", landlock.bind_ports},
          {"scope", landlock.scoped}};
}

std::string_view type_text(const MountSpec& mount) {
  if (mount.volume) return "volume";
  if (mount.kind == MountKind::overlay) return "overlay";
  return mount.kind == MountKind::bind ? "bind" : "tmpfs";
}

std::string_view propagation_text(Propagation propagation) {
  switch (propagation) {
  case Propagation::none:
    return "rprivate";
  case Propagation::from_host:
    return "rslave";
  case Propagation::both_ways:
    return "rshared";
  }
  return "";
}

Json mounts_json(const std::vector<MountSpec>& mounts) {
  Json list = Json::array();
  for (const MountSpec& mount : mounts) {
    const bool bind = mount.kind == MountKind::bind;
    Json item{{"type", type_text(mount)}, {"destination", mount.destination}};
    if (mount.volume) item["name"] = mount.volume->name;
    if (mount.kind != MountKind::tmpfs) item["source"] = mount.source;
    if (mount.kind == MountKind::tmpfs) item["options"] = mount.options;
    item["read_only"] = mount.read_only;
    if (bind) item["propagation"] = propagation_text(mount.propagation);
    if (bind && !mount.recursive) item["recursive"] = false;
    if (bind && mount.submounts_writable) item["submounts_writable"] = true;
    list.push_back(std::move(item));
  }
  return list;
}

Json devices_json(const std::vector<DeviceSpec>& devices) {
  Json list = Json::array();
  for (const DeviceSpec& device : devices)
    list.push_back({{"source", device.source},
                    {"destination", device.destination},
                    {"access", device.access}});
  return list;
}

template <typename T> void set_if(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

void set_rates(Json& object, const char* key, const std::vector<DeviceRate>& rates) {
  for (const DeviceRate& rate : rates)
    object[key].push_back({{"major", rate.major}, {"minor", rate.minor}, {"rate", rate.rate}});
}

// The names of the OCI runtime-spec's linux.resources, in snake_case; what is not limited is not
// there.
Json limits_json(const Limits& limits) {
  Json memory = Json::object();
  set_if(memory, "limit", limits.memory.limit);
  set_if(memory, "swap", limits.memory.swap);
  set_if(memory, "reservation", limits.memory.reservation);
  Json cpu = Json::object();
  set_if(cpu, "shares", limits.cpu.shares);
  set_if(cpu, "quota", limits.cpu.quota_us);
  set_if(cpu, "period", limits.cpu.period_us);
  if (!limits.cpu.cpus.empty()) cpu["cpus"] = limits.cpu.cpus;
  if (!limits.cpu.mems.empty()) cpu["mems"] = limits.cpu.mems;
  Json pids = Json::object();
  set_if(pids, "limit", limits.pids);
  Json block_io = Json::object();
  set_rates(block_io, "throttle_read_bps_device", limits.block_io.read_bps);
  set_rates(block_io, "throttle_write_bps_device", limits.block_io.write_bps);
  set_rates(block_io, "throttle_read_iops_device", limits.block_io.read_iops);
  set_rates(block_io, "throttle_write_iops_device", limits.block_io.write_iops);
  Json hugepages = Json::array();
  for (const HugepageLimit& one : limits.hugepages)
    hugepages.push_back({{"page_size", page_size_text(one.page_bytes)}, {"limit", one.limit}});
  Json devices = Json::array();
  for (const DeviceRule& rule : limits.devices) {
    Json item{{"allow", rule.allow}, {"type", std::string(1, rule.type)}, {"access", rule.access}};
    set_if(item, "major", rule.major);
    set_if(item, "minor", rule.minor);
    devices.push_back(std::move(item));
  }
  return {{"devices", devices}, {"memory", memory},     {"cpu", cpu},
          {"pids", pids},       {"block_io", block_io}, {"hugepage_limits", hugepages}};
}

Json labels_json(const std::vector<std::string>& labels) {
  Json object = Json::object();
  for (const std::string& label : labels) {
    const std::size_t equals = label.find('=');
    object[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  return object;
}

std::string mode_text(const NamespaceSpec& spec) {
  if (spec.mode == NamespaceMode::join) return spec.name;
  return spec.mode == NamespaceMode::host ? "host" : "private";
}

std::string network_text(const RunSpec& spec) {
  if (spec.network == NetworkMode::join) return spec.namespaces.network.name;
  if (!spec.network_spec.name.empty()) return spec.network_spec.name;
  return spec.network == NetworkMode::host ? "host" : "none";
}

Json ports_json(const std::vector<PublishedPort>& ports) {
  Json list = Json::array();
  for (const PublishedPort& port : ports)
    list.push_back(port_text(port));
  return list;
}

// Of a bridge network that is there.
Json network_json(const NetworkSpec& network) {
  Json subnets = Json::array();
  for (const NetworkSubnet& subnet : network.subnets)
    subnets.push_back({{"subnet", subnet.prefix.text()}, {"gateway", subnet.gateway.text()}});
  return {{"link", network.link},
          {"subnets", std::move(subnets)},
          {"internal", network.internal},
          {"mtu", network.mtu}};
}

Json namespaces_json(const NamespaceSpecs& all) {
  return {{"user", mode_text(all.user)},
          {"pid", mode_text(all.pid)},
          {"ipc", mode_text(all.ipc)},
          {"uts", mode_text(all.uts)},
          {"cgroup", mode_text(all.cgroup)},
          {"time", all.time
                       ? Json{{"monotonic", all.time->monotonic}, {"boottime", all.time->boottime}}
                       : Json("host")}};
}

// linux.uidMappings of the OCI runtime-spec.
Json mappings_json(const std::vector<IdRange>& ranges) {
  Json list = Json::array();
  for (const IdRange& range : ranges)
    list.push_back(
        {{"container_id", range.inside}, {"host_id", range.outside}, {"size", range.count}});
  return list;
}

// The paths are below the anchor.
Json rootfs_json(const MountPlan& rootfs) {
  if (rootfs.kind == RootfsKind::directory)
    return {{"kind", "directory"}, {"anchor", rootfs.anchor}, {"directory", rootfs.directory}};
  const bool in_kernel = rootfs.kind == RootfsKind::overlay;
  Json json{{"kind", in_kernel ? "overlay" : "fuse_overlayfs"},
            {"anchor", rootfs.anchor},
            {"lower", rootfs.lower},
            {"upper", rootfs.upper},
            {"work", rootfs.work},
            {"attach", rootfs.attach},
            {"options", rootfs.options}};
  if (!rootfs.memory.empty()) json["memory"] = rootfs.memory;
  return json;
}

} // namespace

Json limit_json(std::uint64_t value) {
  return value == kUnlimited ? Json(-1) : Json(value);
}

Json whole_spec_json(const RunSpec& spec, const std::vector<std::string>& labels) {
  Json json = spec_json(spec, labels);
  json["network_config"] =
      spec.network_spec.link.empty() ? Json() : network_json(spec.network_spec);
  json["uid_mappings"] = mappings_json(spec.id_map.uids);
  json["gid_mappings"] = mappings_json(spec.id_map.gids);
  json["rootfs"] = rootfs_json(spec.rootfs);
  json["rootfs_idmapped"] = spec.idmap_rootfs;
  json["cgroups_path"] = spec.cgroup_parent;
  json["cgroups"] = Json::array();
  for (const CgroupDir& dir : spec.cgroups)
    json["cgroups"].push_back(cgroup_json(dir));
  json["provided_files"] = Json::array();
  for (const RunSpec::ProvidedFile& file : spec.provided_files)
    json["provided_files"].push_back(
        {{"destination", file.destination}, {"content", file.content}});
  return json;
}

Json spec_json(const RunSpec& spec, const std::vector<std::string>& labels) {
  return {{"process", process_json(spec.process)},
          {"hostname", spec.hostname},
          {"network", network_text(spec)},
          {"published_ports", ports_json(spec.network_spec.ports)},
          {"namespaces", namespaces_json(spec.namespaces)},
          {"seccomp", seccomp_text(spec.seccomp.mode)},
          {"landlock", landlock_json(spec.landlock)},
          {"masked_paths", spec.masked_paths},
          {"read_only_paths", spec.read_only_paths},
          {"host_devices", spec.host_devices},
          {"read_only_rootfs", spec.read_only_rootfs},
          {"mounts", mounts_json(spec.mounts)},
          {"devices", devices_json(spec.devices)},
          {"shm_bytes", spec.shm_bytes},
          {"resources", limits_json(spec.limits)},
          {"labels", labels_json(labels)}};
}

std::string spec_text(const RunSpec& spec, const std::vector<std::string>& labels) {
  return spec_json(spec, labels).dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace layerbox
