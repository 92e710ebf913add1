// stats: what running containers use.
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "cli/find_container.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "runner/usage.hpp"

namespace layerbox {
namespace {

// Between the two looks that tell how busy a container is.
constexpr std::chrono::seconds kInterval{1};
constexpr std::string_view kClearScreen = "\x1b[H\x1b[2J";

struct Look {
  ContainerState state;
  Usage usage;
  std::uint64_t begin_us = 0; // when the first look was
  double cpu_percent = 0;     // of one CPU
};

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<std::uint64_t>& value) {
  return value ? Json(*value) : Json();
}

std::string or_dash(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

std::string size_or_dash(const std::optional<std::uint64_t>& bytes) {
  return bytes ? binary_size(*bytes) : "-";
}

std::uint64_t now_us() {
  struct timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

double percent_of(std::uint64_t before_us, std::uint64_t after_us, std::uint64_t interval_us) {
  if (after_us <= before_us || interval_us == 0) return 0;
  return 100.0 * static_cast<double>(after_us - before_us) / static_cast<double>(interval_us);
}

class StatsVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Memory, CPU time and processes of a container with limits come from its cgroups, "
        "of another from its processes. Without --no-stream the table is shown anew every "
        "second until interrupted, or until all that were named have ended.\n\n"
        "The JSON document is an array of objects, shown once: id, name, cpu_percent (of "
        "one CPU), cpu_us, memory_bytes, memory_limit_bytes, pids, pids_limit, read_bytes, "
        "written_bytes; null where the machine does not say it.");
    line.operands("CONTAINER", references_, Arity::any_number, "all that run when none is given");
    line.flag("--no-stream", once_, "show it once");
    format_.declare(line);
    line.example("layerbox stats --no-stream", "what the running containers use now");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    require_running(store);
    const bool once = once_ || format_.json();
    const bool screen = !once && ::isatty(STDOUT_FILENO) == 1;
    for (;;) {
      const std::vector<Look> looks = look_twice(store);
      if (!once && looks.empty() && !references_.empty()) return exit_code::kDone;
      if (format_.json())
        print_json(document(looks));
      else
        print((screen ? std::string(kClearScreen) : "") + table(looks));
      if (once) return exit_code::kDone;
    }
  }

 private:
  void require_running(Store& store) const {
    const std::vector<ContainerInfo> all =
        references_.empty() ? std::vector<ContainerInfo>() : list_containers(store);
    for (const std::string& reference : references_) {
      if (find_container(all, reference).running) continue;
      Error error(ErrorKind::invalid_argument,
                  fmt::format("the container '{}' does not run", printable(reference)));
      error.set_hint("'layerbox ps' lists those that do");
      throw error;
    }
  }

  // Those that run now. One that was asked for may have ended meanwhile.
  std::vector<ContainerInfo> wanted(Store& store) const {
    std::vector<ContainerInfo> all = list_containers(store);
    std::vector<ContainerInfo> chosen;
    for (const std::string& reference : references_)
      if (auto container = try_find_container(all, reference))
        chosen.push_back(std::move(*container));
    if (!references_.empty()) all = std::move(chosen);
    std::erase_if(all, [](const ContainerInfo& container) { return !container.running; });
    return all;
  }

  static Usage usage_of(const ContainerState& state) {
    return read_usage(state.cgroups, static_cast<std::uint64_t>(std::max(state.pid, 0)));
  }

  std::vector<Look> look_twice(Store& store) const {
    std::vector<Look> looks;
    for (ContainerInfo& container : wanted(store)) {
      const Usage usage = usage_of(container.state);
      looks.push_back({std::move(container.state), usage, now_us(), 0});
    }
    std::this_thread::sleep_for(kInterval);
    for (Look& look : looks) {
      const std::uint64_t before_us = look.usage.cpu_us.value_or(0);
      look.usage = usage_of(look.state);
      look.cpu_percent =
          percent_of(before_us, look.usage.cpu_us.value_or(0), now_us() - look.begin_us);
    }
    return looks;
  }

  static Json document(const std::vector<Look>& looks) {
    Json list = Json::array();
    for (const Look& look : looks)
      list.push_back({{"id", look.state.id},
                      {"name", look.state.name},
                      {"cpu_percent", look.cpu_percent},
                      {"cpu_us", or_null(look.usage.cpu_us)},
                      {"memory_bytes", or_null(look.usage.memory_bytes)},
                      {"memory_limit_bytes", or_null(look.usage.memory_limit_bytes)},
                      {"pids", or_null(look.usage.pids)},
                      {"pids_limit", or_null(look.usage.pids_limit)},
                      {"read_bytes", or_null(look.usage.read_bytes)},
                      {"written_bytes", or_null(look.usage.written_bytes)}});
    return list;
  }

  static std::string table(const std::vector<Look>& looks) {
    Table table({{"ID"},
                 {"NAME"},
                 {"CPU %", Align::right},
                 {"MEMORY", Align::right},
                 {"LIMIT", Align::right},
                 {"PIDS", Align::right},
                 {"LIMIT", Align::right},
                 {"READ", Align::right},
                 {"WRITTEN", Align::right}});
    for (const Look& look : looks) {
      const Usage& usage = look.usage;
      table.row({short_id(look.state.id), look.state.name, fmt::format("{:.1f}", look.cpu_percent),
                 size_or_dash(usage.memory_bytes), size_or_dash(usage.memory_limit_bytes),
                 or_dash(usage.pids), or_dash(usage.pids_limit), size_or_dash(usage.read_bytes),
                 size_or_dash(usage.written_bytes)});
    }
    return table.text();
  }

  bool once_ = false;
  FormatOption format_;
  std::vector<std::string> references_;
};

} // namespace

std::unique_ptr<Verb> make_stats_verb() {
  return std::make_unique<StatsVerb>();
}

} // namespace layerbox
