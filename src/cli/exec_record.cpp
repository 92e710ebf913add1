#include "cli/exec_record.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <span>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kEnd = "end";

class RecordWriter {
 public:
  void word(std::string_view text) { text_.append(text).push_back('\0'); }
  void text(std::string_view key, std::string_view value) {
    text_.append(key).append("=");
    word(value);
  }
  template <typename... Numbers> void numbers(std::string_view key, Numbers... values) {
    const std::array<std::string, sizeof...(values)> texts{std::to_string(values)...};
    text(key, fmt::format("{}", fmt::join(texts, " ")));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

[[noreturn]] void throw_damaged_record() {
  throw Error(ErrorKind::corrupt, "read what 'exec' must know of the container: it is damaged");
}

// "1 2 3" as so many numbers.
template <std::size_t N> std::array<std::uint64_t, N> record_numbers(std::string_view text) {
  std::array<std::uint64_t, N> numbers{};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::uint64_t& number : numbers) {
    if (at != end && *at == ' ') ++at;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc()) throw_damaged_record();
    at = stop;
  }
  if (at != end) throw_damaged_record();
  return numbers;
}

int record_signed(std::string_view text) {
  int number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) throw_damaged_record();
  return number;
}

std::uint32_t small(std::uint64_t number) {
  return static_cast<std::uint32_t>(number);
}

void write_seccomp(RecordWriter& record, const SeccompSpec& seccomp) {
  record.numbers("seccomp", static_cast<unsigned>(seccomp.mode));
  if (seccomp.mode != SeccompMode::given) return;
  const SeccompPolicy& policy = seccomp.policy;
  record.numbers("policy", static_cast<unsigned>(policy.arch), policy.default_action,
                 policy.above_action, policy.last_call, policy.foreign_action, policy.filter_flags);
  for (const SeccompRule& rule : policy.rules)
    record.numbers("rule", rule.call, rule.action, rule.first_condition, rule.condition_count);
  for (const SeccompCondition& condition : policy.conditions)
    record.numbers("condition", condition.argument, static_cast<unsigned>(condition.compare),
                   condition.mask, condition.value);
}

void write_landlock(RecordWriter& record, const LandlockSpec& landlock) {
  for (const LandlockPath& rule : landlock.paths)
    record.text("landlock_path", fmt::format("{} {}", rule.access, rule.path));
  for (const std::uint16_t port : landlock.connect_ports)
    record.numbers("landlock_connect", port);
  for (const std::uint16_t port : landlock.bind_ports)
    record.numbers("landlock_bind", port);
  if (landlock.scoped) record.word("landlock_scope");
}

void take_seccomp_word(SeccompSpec& seccomp, std::string_view key, std::string_view value) {
  SeccompPolicy& policy = seccomp.policy;
  if (key == "seccomp") {
    seccomp.mode = static_cast<SeccompMode>(record_numbers<1>(value)[0]);
  } else if (key == "policy") {
    const auto n = record_numbers<6>(value);
    policy.arch = static_cast<SeccompArch>(n[0]);
    policy.default_action = small(n[1]);
    policy.above_action = small(n[2]);
    policy.last_call = small(n[3]);
    policy.foreign_action = small(n[4]);
    policy.filter_flags = small(n[5]);
  } else if (key == "rule") {
    const auto n = record_numbers<4>(value);
    policy.rules.push_back({small(n[0]), small(n[1]), small(n[2]), small(n[3])});
  } else if (key == "condition") {
    const auto n = record_numbers<4>(value);
    policy.conditions.push_back({small(n[0]), static_cast<SeccompCompare>(n[1]), n[2], n[3]});
  } else {
    throw_damaged_record();
  }
}

void take_landlock_word(LandlockSpec& landlock, std::string_view key, std::string_view value) {
  if (key == "landlock_path") {
    const std::size_t space = std::min(value.find(' '), value.size() - 1);
    landlock.paths.push_back(
        {static_cast<std::uint8_t>(record_numbers<1>(value.substr(0, space))[0]),
         std::string(value.substr(space + 1))});
  } else if (key == "landlock_connect") {
    landlock.connect_ports.push_back(static_cast<std::uint16_t>(record_numbers<1>(value)[0]));
  } else if (key == "landlock_bind") {
    landlock.bind_ports.push_back(static_cast<std::uint16_t>(record_numbers<1>(value)[0]));
  } else if (key == "landlock_scope") {
    landlock.scoped = true;
  } else {
    throw_damaged_record();
  }
}

void take_word(RunSpec& spec, std::string_view key, std::string_view value) {
  ProcessSpec& process = spec.process;
  if (key == "user") {
    process.user.text = value;
  } else if (key == "cwd") {
    process.cwd = value;
  } else if (key == "env") {
    process.env.emplace_back(value);
  } else if (key == "capability") {
    process.capabilities.emplace_back(value);
  } else if (key == "no_new_privileges") {
    process.no_new_privileges = true;
  } else if (key == "oom_score_adj") {
    process.oom_score_adj = record_signed(value);
  } else if (key == "limit") {
    const auto n = record_numbers<4>(value);
    process.limits.push_back({static_cast<std::int32_t>(n[0]), small(n[1]), n[2], n[3]});
  } else if (key == "host_devices") {
    spec.host_devices = true;
  } else if (key.starts_with("landlock")) {
    take_landlock_word(spec.landlock, key, value);
  } else {
    take_seccomp_word(spec.seccomp, key, value);
  }
}

std::string process_word(const ContainerState& state) {
  return fmt::format("process={} {}", state.pid, state.pid_start_time);
}

} // namespace

std::string exec_record_text(const RunSpec& spec, const ContainerState& state) {
  const ProcessSpec& process = spec.process;
  RecordWriter record;
  record.word(process_word(state));
  record.text("user", process.user.text);
  record.text("cwd", process.cwd);
  for (const std::string& variable : process.env)
    record.text("env", variable);
  for (const std::string& capability : process.capabilities)
    record.text("capability", capability);
  if (process.no_new_privileges) record.word("no_new_privileges");
  if (process.oom_score_adj) record.numbers("oom_score_adj", *process.oom_score_adj);
  for (const ResourceLimit& limit : process.limits)
    record.numbers("limit", limit.resource, limit.at_most, limit.soft, limit.hard);
  // What Landlock must know of them.
  if (spec.host_devices || !spec.devices.empty()) record.word("host_devices");
  write_seccomp(record, spec.seccomp);
  write_landlock(record, spec.landlock);
  record.word(kEnd);
  return record.take();
}

void write_exec_record(const RunSpec& spec, const ContainerLease& lease) {
  const std::string text = exec_record_text(spec, lease.state());
  const UniqueFd file = open_beneath(lease.dir(), RelPath::parse(layout::kExecRecord),
                                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  write_all(file, std::as_bytes(std::span(text)), layout::kExecRecord);
}

std::optional<RunSpec> parse_exec_record(std::string_view text, const ContainerState& state) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\0', begin);
    if (end == std::string_view::npos) return std::nullopt;
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (words.size() < 2 || words.back() != kEnd || words.front() != process_word(state))
    return std::nullopt;
  RunSpec spec;
  for (const std::string_view word : std::span(words).subspan(1, words.size() - 2)) {
    const std::size_t equals = std::min(word.find('='), word.size());
    take_word(spec, word.substr(0, equals), word.substr(std::min(equals + 1, word.size())));
  }
  return spec;
}

} // namespace layerbox
