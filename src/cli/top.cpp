// top: the processes of a running container, as this machine sees them.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "cli/container_processes.hpp"
#include "cli/find_container.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "runner/usage.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxProcFileBytes = std::size_t{4} << 10; // of a command line its beginning
constexpr std::size_t kTopCommandColumns = 60;

struct ShownProcess {
  ProcessUsage usage;
  std::uint32_t user = 0; // as the container sees it
  std::vector<std::string> command;
};

// Of a file below /proc the beginning; nothing when the process is gone or may not be looked at.
std::optional<std::string> read_proc(std::uint64_t pid, const char* name) {
  const std::string path = fmt::format("/proc/{}/{}", pid, name);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text(kMaxProcFileBytes, '\0');
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(got));
  return text;
}

std::uint32_t inside_user(const ContainerState& state, std::uint32_t outside) {
  for (const IdRange& range : state.id_map.uids)
    if (outside >= range.outside && outside - range.outside < range.count)
      return range.inside + (outside - range.outside);
  return outside;
}

ShownProcess shown(const ProcessUsage& usage, const ContainerState& state) {
  ShownProcess process{usage, 0, {}};
  struct stat status {};
  if (::stat(fmt::format("/proc/{}", usage.pid).c_str(), &status) == 0)
    process.user = inside_user(state, status.st_uid);
  const std::string text = read_proc(usage.pid, "cmdline").value_or("");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    process.command.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return process;
}

class TopVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("The numbers of processes are this machine's, users are the container's. The JSON "
                 "document is an array of objects: pid, ppid, user, threads, cpu_seconds, "
                 "memory_bytes, command.");
    line.operand("CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    format_.declare(line);
    line.example("layerbox top web", "show what runs in 'web'");
  }

  int run(Invocation& invocation) override {
    with_context([&] { return fmt::format("the processes of container '{}'", reference_); },
                 [&] { look(invocation.store()); });
    if (format_.json())
      print_json(document());
    else
      print(table());
    return exit_code::kDone;
  }

 private:
  void look(const Store& store) {
    const ContainerInfo found = find_container(list_containers(store), reference_);
    if (!found.running) throw Error(ErrorKind::invalid_argument, "it is " + state_word(found));
    std::vector<ProcessUsage> processes = list_processes();
    std::sort(processes.begin(), processes.end(),
              [](const auto& a, const auto& b) { return a.pid < b.pid; });
    const std::set<std::uint64_t> inside = container_processes(processes, found.state);
    for (const ProcessUsage& process : processes)
      if (inside.contains(process.pid)) processes_.push_back(shown(process, found.state));
  }

  static double cpu_seconds(const ShownProcess& process) {
    return static_cast<double>(process.usage.cpu_ticks) /
           static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

  static std::uint64_t memory_bytes(const ShownProcess& process) {
    return process.usage.resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }

  nlohmann::ordered_json document() const {
    auto list = nlohmann::ordered_json::array();
    for (const ShownProcess& process : processes_)
      list.push_back({{"pid", process.usage.pid},
                      {"ppid", process.usage.parent},
                      {"user", process.user},
                      {"threads", process.usage.threads},
                      {"cpu_seconds", cpu_seconds(process)},
                      {"memory_bytes", memory_bytes(process)},
                      {"command", process.command}});
    return list;
  }

  std::string table() const {
    Table table({{"PID", Align::right},
                 {"PPID", Align::right},
                 {"USER", Align::right},
                 {"THREADS", Align::right},
                 {"CPU", Align::right},
                 {"MEMORY", Align::right},
                 {"COMMAND"}});
    for (const ShownProcess& process : processes_)
      table.row({std::to_string(process.usage.pid), std::to_string(process.usage.parent),
                 std::to_string(process.user), std::to_string(process.usage.threads),
                 fmt::format("{:.2f} s", cpu_seconds(process)),
                 fmt::format("{:.1f} MiB", static_cast<double>(memory_bytes(process)) / (1 << 20)),
                 fitted(fmt::format("{}", fmt::join(process.command, " ")), kTopCommandColumns)});
    return table.text();
  }

  std::string reference_;
  FormatOption format_;
  std::vector<ShownProcess> processes_;
};

} // namespace

std::unique_ptr<Verb> make_top_verb() {
  return std::make_unique<TopVerb>();
}

} // namespace layerbox
