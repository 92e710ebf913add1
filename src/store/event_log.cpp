#include "store/event_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_lock.hpp"
#include "base/fs_at.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

using EventJson = nlohmann::ordered_json;

void put_text(EventJson& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

std::string text_without_labels(const Event& event) {
  Event bare = event;
  bare.labels.clear();
  return event_line(bare);
}

bool is_named_events(FdRef root, FdRef file) {
  const auto named = try_stat_at(root, layout::kEvents);
  const struct stat own = stat_fd(file);
  return named && named->st_ino == own.st_ino && named->st_dev == own.st_dev;
}

// A writer that was killed, or had no room, may have left the beginning of a line.
bool ends_in_half_line(FdRef file, off_t size) {
  char last = '\n';
  return size > 0 && ::pread(file.get(), &last, 1, size - 1) == 1 && last != '\n';
}

// False when another file is to be tried: this one has just been renamed, by us or by another.
bool append_here(FdRef root, const std::string& lines) {
  UniqueFd file = open_beneath(root, RelPath::parse(layout::kEvents),
                               O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
  if (!S_ISREG(stat_fd(file).st_mode)) return true;
  const FileLock lock = FileLock::take(std::move(file), LockMode::exclusive, layout::kEvents);
  if (!is_named_events(root, lock.fd())) return false;
  const off_t size = stat_fd(lock.fd()).st_size;
  if (size > 0 && static_cast<std::size_t>(size) + lines.size() > kMaxEventLogBytes) {
    rename_at(root, layout::kEvents, root, layout::kOldEvents);
    return false;
  }
  const std::string text = ends_in_half_line(lock.fd(), size) ? '\n' + lines : lines;
  while (::write(lock.fd().get(), text.data(), text.size()) < 0 && errno == EINTR) {
  }
  return true;
}

} // namespace

const std::vector<std::string>& event_types() {
  static const std::vector<std::string> kTypes = {"container", "image", "volume", "network"};
  return kTypes;
}

const std::vector<std::string>& event_actions() {
  static const std::vector<std::string> kActions = {
      "attach", "commit", "create",  "die",  "exec",  "exec_die", "kill", "pause",   "pull",
      "remove", "rename", "restart", "save", "start", "stop",     "tag",  "unpause", "untag"};
  return kActions;
}

std::string event_line(const Event& event) {
  EventJson json = {{"time", event.time},
                    {"type", event.type},
                    {"action", event.action},
                    {"id", event.id},
                    {"name", event.name}};
  put_text(json, "image", event.image);
  if (event.exit_status) json["exit_status"] = *event.exit_status;
  if (event.oom_killed) json["oom_killed"] = *event.oom_killed;
  put_text(json, "signal", event.signal);
  put_text(json, "old_name", event.old_name);
  put_text(json, "exec_id", event.exec_id);
  if (event.restart_count) json["restart_count"] = *event.restart_count;
  if (!event.labels.empty()) json["labels"] = event.labels;
  // Line ends and all other control bytes are escaped.
  std::string line = json.dump(-1, ' ', true, EventJson::error_handler_t::replace) + '\n';
  if (line.size() > kMaxEventBytes && !event.labels.empty()) return text_without_labels(event);
  return line;
}

std::optional<Event> parse_event(std::string_view line) {
  try {
    const EventJson json = EventJson::parse(line);
    Event event;
    json.at("time").get_to(event.time);
    json.at("type").get_to(event.type);
    json.at("action").get_to(event.action);
    json.at("id").get_to(event.id);
    json.at("name").get_to(event.name);
    event.image = json.value("image", "");
    event.signal = json.value("signal", "");
    event.old_name = json.value("old_name", "");
    event.exec_id = json.value("exec_id", "");
    event.labels = json.value("labels", event.labels);
    if (json.contains("exit_status")) event.exit_status = json["exit_status"].get<int>();
    if (json.contains("oom_killed")) event.oom_killed = json["oom_killed"].get<bool>();
    if (json.contains("restart_count")) event.restart_count = json["restart_count"].get<int>();
    return event;
  } catch (const EventJson::exception&) {
    return std::nullopt;
  }
}

Event named_event(std::string type, std::string action, std::string id, std::string name) {
  Event event;
  event.time = utc_text(now_utc());
  event.type = std::move(type);
  event.action = std::move(action);
  event.id = std::move(id);
  event.name = std::move(name);
  return event;
}

Event container_event(const ContainerState& state, std::string action) {
  Event event = named_event("container", std::move(action), state.id, state.name);
  event.image = state.image_name;
  event.labels = state.labels;
  return event;
}

Event die_event(const ContainerState& state) {
  Event event = container_event(state, "die");
  event.exit_status = state.exit_status;
  event.oom_killed = state.oom_killed;
  return event;
}

void record_events(FdRef root, std::span<const Event> events) noexcept {
  try {
    std::string lines;
    for (const Event& event : events)
      lines += event_line(event);
    // Each time another writer got on, or we have renamed the full file.
    constexpr int kMostTries = 100;
    for (int i = 0; i < kMostTries && !lines.empty(); ++i)
      if (append_here(root, lines)) return;
  } catch (const std::exception&) {
    // A store that is full is no reason for anything to fail.
  }
}

} // namespace layerbox
