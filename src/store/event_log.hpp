// event_log: what happened in the store. There is no daemon that could tell, so whoever does
// something writes it down.
//
//     record_events(store.root(), {container_event(state, "pause")});
//
// ROOT/events holds one JSON object a line, with the fields of Event; an empty one is left out.
// Whoever writes holds the file's flock(2) exclusively, appends whole lines with one write, and
// renames the file to events.1 before it grows past kMaxEventLogBytes: so no line is written to a
// file that has that name already, and who follows reads it to its end and goes on in the new one.
// Nothing is synced: a power cut loses events, and a full disk does.
#pragma once

#include <time.h>

#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "base/utc_time.hpp"
#include "store/container_lease.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxEventLogBytes = std::size_t{1} << 20;
// A line that is longer goes without its labels.
inline constexpr std::size_t kMaxEventBytes = std::size_t{64} << 10;

struct Event {
  std::string time; // utc_text(): times compare as text
  std::string type; // container, image, volume, network
  std::string action;
  std::string id;    // of an image with its "sha256:"; a volume's and a network's is its name
  std::string name;  // "" when it has none
  std::string image; // of a container, as its user wrote it
  std::map<std::string, std::string> labels;
  std::optional<int> exit_status;   // die, exec_die; nothing when nobody knows it
  std::optional<bool> oom_killed;   // die
  std::string signal;               // kill: "SIGHUP"
  std::string old_name;             // rename
  std::string exec_id;              // exec, exec_die: the same of one command
  std::optional<int> restart_count; // start: by the restart policy
};

// Pure. All that may stand in `type` and `action`.
const std::vector<std::string>& event_types();
const std::vector<std::string>& event_actions();
std::string event_line(const Event& event);              // with its newline
std::optional<Event> parse_event(std::string_view line); // without; nothing for what is none

// Just now.
Event container_event(const ContainerState& state, std::string action);
Event named_event(std::string type, std::string action, std::string id, std::string name);
// The end of its command, as its state tells it.
Event die_event(const ContainerState& state);

// Appends them with one write. Never throws: what cannot be written is lost.
void record_events(FdRef root, std::span<const Event> events) noexcept;
inline void record_events(FdRef root, std::initializer_list<Event> events) noexcept {
  record_events(root, std::span<const Event>(events.begin(), events.size()));
}

} // namespace layerbox
