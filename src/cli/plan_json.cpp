#include "cli/plan_json.hpp"

#include <linux/filter.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/spec_json.hpp"
#include "runner/cgroup_files.hpp"
#include "runner/plan_words.hpp"
#include "runner/resource_limits.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::ordered_json;

void set_text(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

void set_list(Json& object, const char* key, const std::vector<std::string>& words) {
  if (!words.empty()) object[key] = words;
}

void set_index(Json& object, const char* key, int index) {
  if (index >= 0) object[key] = index;
}

void set_true(Json& object, const char* key, bool value) {
  if (value) object[key] = true;
}

const char* propagation_word(Propagation propagation) {
  switch (propagation) {
  case Propagation::none:
    return "private";
  case Propagation::from_host:
    return "slave";
  case Propagation::both_ways:
    return "shared";
  }
  return "";
}

Json clone_json(const CloneSource& clone) {
  Json object{{"purpose", clone.purpose}};
  set_text(object, "path", clone.path);
  set_list(object, "device_nodes", clone.nodes);
  set_true(object, "recursive", clone.recursive);
  set_true(object, "idmap", clone.idmap);
  set_true(object, "read_only", clone.read_only);
  set_true(object, "submounts_writable", clone.submounts_writable);
  set_true(object, "no_devices", clone.no_devices);
  set_true(object, "out_of_sight", clone.hang);
  object["propagation"] = propagation_word(clone.propagation);
  return object;
}

void set_limit(Json& object, const std::string& data) {
  ResourceLimit limit;
  std::memcpy(&limit, data.data(), sizeof limit);
  object["resource"] = resource_name(limit.resource);
  object["soft"] = limit_json(limit.soft);
  object["hard"] = limit_json(limit.hard);
  set_true(object, "at_most", limit.at_most != 0);
}

// What a step's data and mount_flags are depends on its act (act.hpp).
void set_data(Json& object, const Step& step) {
  switch (step.act) {
  case Act::seccomp:
    object["instructions"] = step.data.size() / sizeof(struct sock_filter);
    set_list(object, "filter_flags", filter_flag_words(step.mount_flags));
    return;
  case Act::limit:
    set_limit(object, step.data);
    return;
  case Act::join_namespace:
  case Act::be_born:
    object["namespaces"] = namespace_words(step.mount_flags);
    return;
  default:
    set_text(object, "data", step.data);
    set_list(object, "mount_flags", mount_flag_words(step.mount_flags));
  }
}

Json step_json(const Step& step) {
  Json object{{"act", act_name(step.act)}};
  set_text(object, "target", step.target);
  set_text(object, "source", step.source);
  set_index(object, "clone", step.clone);
  set_index(object, "other_clone", step.other_clone);
  set_index(object, "cgroup", step.cgroup);
  set_data(object, step);
  set_list(object, "list", step.list);
  set_list(object, "flags", step_flag_words(step.flags));
  return object;
}

template <typename Item, typename Function>
Json list_of(const std::vector<Item>& items, const Function& json_of) {
  Json list = Json::array();
  for (const Item& item : items)
    list.push_back(json_of(item));
  return list;
}

} // namespace

Json cgroup_json(const CgroupDir& dir) {
  Json object{{"version", dir.version == CgroupVersion::v2 ? 2 : 1}, {"path", dir.path()}};
  set_list(object, "enable", dir.enable);
  object["writes"] = list_of(dir.writes, [](const CgroupWrite& write) {
    return Json{{"file", write.file}, {"value", write.text}, {"purpose", write.purpose}};
  });
  if (!dir.devices.empty())
    object["devices"] = list_of(dir.devices, [](const DeviceRule& rule) {
      return Json(std::string(rule.allow ? "allow " : "deny ") + device_rule_text(rule));
    });
  return object;
}

Json plan_json(const Plan& plan) {
  return {{"namespaces", namespace_words(plan.namespaces)},
          {"second_birth", plan.second_birth},
          {"search_path", plan.path},
          {"clones", list_of(plan.clones, clone_json)},
          {"steps", list_of(plan.steps, step_json)}};
}

} // namespace layerbox
