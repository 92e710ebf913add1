#include "cli/namespace_flags.hpp"

#include <fmt/format.h>

#include <charconv>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

constexpr const char* kModes = "private, host, container:NAME or ns:PATH";

// What stands after `prefix`; nothing when `text` begins otherwise, or ends there.
std::optional<std::string> after(const std::string& text, const std::string& prefix) {
  if (!text.starts_with(prefix) || text.size() == prefix.size()) return std::nullopt;
  return text.substr(prefix.size());
}

NamespaceWish wish_of(const std::string& flag, const std::optional<std::string>& text) {
  return parse_namespace_wish(flag, text.value_or("private"), "private");
}

} // namespace

void declare_namespace_flags(CommandLine& line, NamespaceFlags& flags) {
  line.text("--pid", flags.pid, "MODE", "process ids: private, host, container:NAME or ns:PATH");
  line.text("--ipc", flags.ipc, "MODE",
            "System V objects and message queues: private, host, container:NAME or ns:PATH");
  line.text("--uts", flags.uts, "MODE", "the host name: private, host, container:NAME or ns:PATH");
  line.text("--cgroupns", flags.cgroup, "MODE",
            "the view of cgroups: private, host, container:NAME or ns:PATH");
  line.list("--time-offset", flags.time_offsets, "[CLOCK=]SECONDS",
            "what the clocks monotonic and boottime, or one of them, are ahead of the host's");
}

NamespaceWish parse_namespace_wish(const std::string& flag, const std::string& text,
                                   const std::string& own) {
  using Kind = NamespaceWish::Kind;
  if (text == own || text == "private" || text.empty()) return {};
  if (text == "none" && flag == "--network") return {};
  if (text == "keep-id" && flag == "--userns") return {Kind::keep_id, ""};
  if (text == "host") return {Kind::host, ""};
  if (const auto name = after(text, "container:")) return {Kind::container, *name};
  const auto path = after(text, "ns:");
  if (path && path->starts_with('/')) return {Kind::path, *path};
  const std::string first =
      own == "private" ? "" : own + (flag == "--userns" ? ", keep-id, " : ", ");
  throw UsageError(fmt::format("run: {}: '{}' is none of {}{}", flag, text, first, kModes),
                   path ? "the path after 'ns:' must be absolute" : "");
}

std::optional<ClockOffsets> parse_time_offsets(const std::vector<std::string>& texts) {
  std::optional<ClockOffsets> offsets;
  for (const std::string& text : texts) {
    const auto monotonic = after(text, "monotonic=");
    const auto boottime = after(text, "boottime=");
    const std::string digits = monotonic ? *monotonic : boottime.value_or(text);
    const char* begin = digits.data() + (digits.starts_with('+') ? 1 : 0);
    const char* end = digits.data() + digits.size();
    std::int64_t seconds = 0;
    const auto result = std::from_chars(begin, end, seconds);
    if (result.ec != std::errc() || result.ptr != end || (begin != digits.data() && *begin == '-'))
      throw UsageError(fmt::format("run: --time-offset: '{}' is no number of seconds", text),
                       "write SECONDS, monotonic=SECONDS or boottime=SECONDS");
    if (!offsets) offsets.emplace();
    if (!boottime) offsets->monotonic = seconds;
    if (!monotonic) offsets->boottime = seconds;
  }
  return offsets;
}

bool enters_any(const NamespaceWishes& wishes) {
  return wishes.pid.joins() || wishes.network.joins() || wishes.ipc.joins() || wishes.uts.joins() ||
         wishes.cgroup.joins() || wishes.user.joins();
}

NamespaceWishes parse_namespace_flags(const NamespaceFlags& flags, const std::string& userns) {
  NamespaceWishes wishes;
  wishes.pid = wish_of("--pid", flags.pid);
  // Docker's word for one that others may enter, which here all may be.
  wishes.ipc = parse_namespace_wish("--ipc", flags.ipc.value_or("private"), "shareable");
  wishes.uts = wish_of("--uts", flags.uts);
  wishes.cgroup = wish_of("--cgroupns", flags.cgroup);
  wishes.user = parse_namespace_wish("--userns", userns, "auto");
  return wishes;
}

} // namespace layerbox
