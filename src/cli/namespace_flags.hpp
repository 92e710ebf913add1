// namespace_flags: which namespaces a container is to have for itself, to share with the host, or
// to enter.
//
//     --pid --ipc --uts --cgroupns --network     private | host | container:NAME | ns:PATH
//     --network none                              is private
//     --userns auto                               is private, and there is keep-id
//     --time-offset [monotonic=|boottime=]SECONDS
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "runner/namespaces.hpp"

namespace layerbox {

struct NamespaceFlags {
  std::optional<std::string> pid;
  std::optional<std::string> ipc;
  std::optional<std::string> uts;
  std::optional<std::string> cgroup;
  std::vector<std::string> time_offsets;
};

// What one flag asks for.
struct NamespaceWish {
  enum class Kind : std::uint8_t { own, host, keep_id, container, path };
  Kind kind = Kind::own;
  std::string what; // the container, or the path
  bool joins() const { return kind == Kind::container || kind == Kind::path; }
  friend bool operator==(const NamespaceWish&, const NamespaceWish&) = default;
};

struct NamespaceWishes {
  NamespaceWish pid, network, ipc, uts, cgroup, user;
};

// Whether one that is there already is to be entered.
bool enters_any(const NamespaceWishes& wishes);

void declare_namespace_flags(CommandLine& line, NamespaceFlags& flags);

// `own` is the word for a namespace of one's own, in messages and beside "private". Throws
// UsageError that names `flag`.
NamespaceWish parse_namespace_wish(const std::string& flag, const std::string& text,
                                   const std::string& own);

// Both clocks where none is named; the last one of each counts. Nothing without a flag. Throws
// UsageError.
std::optional<ClockOffsets> parse_time_offsets(const std::vector<std::string>& texts);

// All but the network, which is network_flags' to say.
NamespaceWishes parse_namespace_flags(const NamespaceFlags& flags, const std::string& userns);

} // namespace layerbox
