#include "cli/seccomp_file.hpp"

#include <fmt/format.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "runner/capabilities.hpp"

namespace layerbox {
namespace {

using SortedJson = nlohmann::json;

[[noreturn]] void refuse_profile(const std::string& where, std::string_view why) {
  throw Error(ErrorKind::invalid_argument, fmt::format("{}: {}", where, why));
}

// A value and the way to it: "syscalls[3].args[0]".
class Node {
 public:
  Node(const SortedJson& value, std::string where) : value_(&value), where_(std::move(where)) {}

  const std::string& where() const { return where_; }
  bool has(const char* key) const { return value_->contains(key) && !value_->at(key).is_null(); }
  Node at(const char* key) const {
    if (!has(key)) refuse_profile(where_, fmt::format("'{}' is missing", key));
    return {value_->at(key), where_.empty() ? key : fmt::format("{}.{}", where_, key)};
  }

  void require_object() const {
    if (!value_->is_object())
      refuse_profile(where_.empty() ? "the profile" : where_, "not an object");
  }
  std::string text() const {
    if (!value_->is_string()) refuse_profile(where_, "not a string");
    return value_->get<std::string>();
  }
  std::uint64_t number(std::uint64_t highest = ~std::uint64_t{0}) const {
    if (!value_->is_number_integer() ||
        (!value_->is_number_unsigned() && value_->get<std::int64_t>() < 0))
      refuse_profile(where_, "not a number from 0 on");
    const auto number = value_->get<std::uint64_t>();
    if (number > highest)
      refuse_profile(where_, fmt::format("{} is more than {}", number, highest));
    return number;
  }
  // Calls `visit` for each element of the list `key`; a missing list is an empty one.
  template <typename Visit> void each(const char* key, Visit visit) const {
    if (!has(key)) return;
    const Node list = at(key);
    if (!list.value_->is_array()) refuse_profile(list.where_, "not a list");
    for (std::size_t i = 0; i < list.value_->size(); ++i)
      visit(Node((*list.value_)[i], fmt::format("{}[{}]", list.where_, i)));
  }
  bool lists(const char* key, std::string_view wanted) const {
    bool found = false;
    each(key, [&](const Node& item) { found = found || item.text() == wanted; });
    return found;
  }
  bool lists_anything(const char* key) const { return has(key) && !value_->at(key).empty(); }

 private:
  const SortedJson* value_;
  std::string where_;
};

// The place of a byte as people count: "3:17".
std::string place(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte == 0 ? 0 : std::min(byte - 1, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t last = before.rfind('\n');
  return fmt::format("{}:{}", line,
                     last == std::string_view::npos ? before.size() + 1 : before.size() - last);
}

SortedJson parse(std::string_view text, const std::string& name) {
  try {
    return SortedJson::parse(text);
  } catch (const SortedJson::parse_error& error) {
    refuse_profile(fmt::format("{}:{}", name, place(text, error.byte)),
                   "the JSON is not well-formed here");
  } catch (const SortedJson::out_of_range&) {
    refuse_profile(name, "a number in it is too large for any computer");
  }
}

// SCMP_ACT_* as SECCOMP_RET_*, with its data.
std::uint32_t action_of(const Node& name, std::uint64_t data, bool has_data) {
  struct Word {
    std::string_view name;
    std::uint32_t action;
    std::uint64_t highest_data; // 0: takes none
  };
  constexpr std::uint64_t kMaxErrno = 4095;
  static constexpr std::array<Word, 8> kWords = {
      {{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, 0},
       {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, kMaxErrno},
       {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, 0},
       {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, 0},
       {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, 0},
       {"SCMP_ACT_LOG", SECCOMP_RET_LOG, 0},
       {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, SECCOMP_RET_DATA},
       {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, 0}}};
  const std::string text = name.text();
  for (const Word& word : kWords) {
    if (word.name != text) continue;
    if (word.highest_data == 0) return word.action;
    const std::uint64_t value = has_data ? data : EPERM;
    if (value > word.highest_data)
      refuse_profile(name.where(),
                     fmt::format("the errno {} is more than {}", value, word.highest_data));
    return word.action | static_cast<std::uint32_t>(value);
  }
  if (text == "SCMP_ACT_NOTIFY")
    refuse_profile(name.where(),
                   "SCMP_ACT_NOTIFY needs an agent that listens, which layerbox does not have");
  refuse_profile(name.where(), fmt::format("no action is called '{}'", text));
}

std::uint32_t action_in(const Node& node, const char* key, const char* errno_key) {
  const bool has_errno = node.has(errno_key);
  return action_of(node.at(key), has_errno ? node.at(errno_key).number() : 0, has_errno);
}

SeccompCondition condition_of(const Node& node) {
  struct Word {
    std::string_view name;
    SeccompCompare compare;
  };
  static constexpr std::array<Word, 7> kWords = {{{"SCMP_CMP_NE", SeccompCompare::not_equal},
                                                  {"SCMP_CMP_LT", SeccompCompare::less},
                                                  {"SCMP_CMP_LE", SeccompCompare::at_most},
                                                  {"SCMP_CMP_EQ", SeccompCompare::equal},
                                                  {"SCMP_CMP_GE", SeccompCompare::at_least},
                                                  {"SCMP_CMP_GT", SeccompCompare::greater},
                                                  {"SCMP_CMP_MASKED_EQ", SeccompCompare::equal}}};
  node.require_object();
  SeccompCondition condition;
  condition.argument = static_cast<std::uint32_t>(node.at("index").number(5));
  condition.value = node.has("value") ? node.at("value").number() : 0;
  const Node op = node.at("op");
  const std::string text = op.text();
  const auto* const word = std::find_if(kWords.begin(), kWords.end(),
                                        [&](const Word& known) { return known.name == text; });
  if (word == kWords.end())
    refuse_profile(op.where(), fmt::format("no comparison is called '{}'", text));
  condition.compare = word->compare;
  if (text == "SCMP_CMP_MASKED_EQ") {
    condition.mask = condition.value;
    condition.value = node.has("valueTwo") ? node.at("valueTwo").number() : 0;
  }
  return condition;
}

bool kernel_is_at_least(const Node& version, const SeccompFileFacts& facts) {
  const std::string text = version.text();
  std::string_view rest = text;
  const std::optional<KernelVersion> least = take_kernel_version(rest);
  if (!least || !rest.empty())
    refuse_profile(version.where(), fmt::format("'{}' is not a kernel version like 4.8", text));
  return facts.kernel >= *least;
}

std::uint64_t capability(const Node& name) {
  return with_context([&] { return name.where(); }, [&] { return capability_mask({name.text()}); });
}

// Whether the rule is for this machine, this kernel and these capabilities.
bool applies(const Node& rule, const SeccompFileFacts& facts) {
  const char* const arch = facts.arch == SeccompArch::x86_64 ? "amd64" : "arm64";
  bool fits = true;
  if (rule.has("includes")) {
    const Node includes = rule.at("includes");
    includes.require_object();
    if (includes.lists_anything("arches")) fits = fits && includes.lists("arches", arch);
    includes.each("caps", [&](const Node& name) {
      fits = fits && (capability(name) & facts.capabilities) != 0;
    });
    if (includes.has("minKernel"))
      fits = fits && kernel_is_at_least(includes.at("minKernel"), facts);
  }
  if (rule.has("excludes")) {
    const Node excludes = rule.at("excludes");
    excludes.require_object();
    fits = fits && !excludes.lists("arches", arch);
    excludes.each("caps", [&](const Node& name) {
      fits = fits && (capability(name) & facts.capabilities) == 0;
    });
    if (excludes.has("minKernel"))
      fits = fits && !kernel_is_at_least(excludes.at("minKernel"), facts);
  }
  return fits;
}

std::vector<std::string> names_of(const Node& rule) {
  std::vector<std::string> names;
  if (rule.has("name") && rule.lists_anything("names"))
    refuse_profile(rule.where(), "has both 'name' and 'names'");
  if (rule.has("name")) names.push_back(rule.at("name").text()); // as docker wrote it before 2016
  rule.each("names", [&](const Node& name) { names.push_back(name.text()); });
  return names;
}

class Reader {
 public:
  explicit Reader(const SeccompFileFacts& facts) : facts_(facts) { policy_.arch = facts.arch; }

  SeccompPolicy read(const Node& profile) {
    profile.require_object();
    policy_.default_action = action_in(profile, "defaultAction", "defaultErrnoRet");
    policy_.foreign_action = SECCOMP_RET_KILL_PROCESS;
    if (profile.lists_anything("architectures") && profile.lists_anything("archMap"))
      refuse_profile("the profile", "has both 'architectures' and 'archMap'");
    if (profile.has("listenerPath"))
      refuse_profile("listenerPath", "layerbox has no agent that listens");
    profile.each("flags", [&](const Node& flag) { read_flag(flag); });
    profile.each("syscalls", [&](const Node& rule) { read_rule(rule); });
    finish();
    return std::move(policy_);
  }

 private:
  void read_flag(const Node& flag) {
    const std::string text = flag.text();
    if (text == "SECCOMP_FILTER_FLAG_LOG")
      policy_.filter_flags |= SECCOMP_FILTER_FLAG_LOG;
    else if (text == "SECCOMP_FILTER_FLAG_SPEC_ALLOW")
      policy_.filter_flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    else if (text != "SECCOMP_FILTER_FLAG_TSYNC") // there is one thread
      refuse_profile(flag.where(), fmt::format("layerbox does not know the flag '{}'", text));
  }

  void read_rule(const Node& rule) {
    rule.require_object();
    const std::uint32_t action = action_in(rule, "action", "errnoRet");
    std::vector<SeccompCondition> conditions;
    rule.each("args", [&](const Node& arg) { conditions.push_back(condition_of(arg)); });
    const std::vector<std::string> names = names_of(rule);
    if (!applies(rule, facts_)) return;
    for (const std::string& name : names) {
      const std::optional<std::uint32_t> call = find_call(facts_.arch, name);
      if (!call) continue;
      highest_ = std::max(highest_, *call);
      if (action != policy_.default_action) add(*call, action, conditions);
    }
  }

  void add(std::uint32_t call, std::uint32_t action,
           const std::vector<SeccompCondition>& conditions) {
    std::array<int, 6> uses{};
    bool repeated = false;
    for (const SeccompCondition& condition : conditions)
      repeated = ++uses.at(condition.argument) > 1 || repeated;
    if (policy_.rules.size() + conditions.size() >= kMaxSeccompFileRules)
      throw Error(ErrorKind::limit_exceeded,
                  fmt::format("the profile has more than {} rules", kMaxSeccompFileRules));
    if (repeated) {
      for (const SeccompCondition& condition : conditions)
        policy_.add(call, action, condition);
      return;
    }
    policy_.rules.push_back({call, action, static_cast<std::uint32_t>(policy_.conditions.size()),
                             static_cast<std::uint32_t>(conditions.size())});
    policy_.conditions.insert(policy_.conditions.end(), conditions.begin(), conditions.end());
  }

  void finish() {
    // Of one call those without conditions first: they count.
    std::stable_sort(policy_.rules.begin(), policy_.rules.end(),
                     [](const SeccompRule& a, const SeccompRule& b) {
                       if (a.call != b.call) return a.call < b.call;
                       return (a.condition_count == 0) > (b.condition_count == 0);
                     });
    const std::uint32_t what = policy_.default_action & SECCOMP_RET_ACTION_FULL;
    const bool permissive =
        what == SECCOMP_RET_ALLOW || what == SECCOMP_RET_LOG || what == SECCOMP_RET_TRACE;
    policy_.last_call = highest_;
    policy_.above_action = permissive ? policy_.default_action : SECCOMP_RET_ERRNO | ENOSYS;
  }

  const SeccompFileFacts& facts_;
  SeccompPolicy policy_;
  std::uint32_t highest_ = 0;
};

} // namespace

SeccompPolicy parse_seccomp_file(std::string_view text, const std::string& name,
                                 const SeccompFileFacts& facts) {
  const SortedJson document = parse(text, name);
  return with_context([&] { return fmt::format("the seccomp profile '{}'", name); },
                      [&] { return Reader(facts).read(Node(document, "")); });
}

} // namespace layerbox
