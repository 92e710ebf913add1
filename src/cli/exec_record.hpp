// exec_record: what `exec` must know of a container that runs, written down by the layerbox that
// runs it: the walls, as they were put up, and that they are up.
//
// containers/<id>/exec is written when the container's first command has been executed. Before, the
// container's first process is in namespaces that still show the host: without a record that names
// that very process nobody goes in. It holds words that end with a NUL, each KEY=VALUE or KEY, and
// the last of them says that it is whole: environments have all bytes but that one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runner/run_spec.hpp"
#include "store/container_lease.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxExecRecordBytes = std::size_t{8} << 20;

// Requires that the state names the first process.
std::string exec_record_text(const RunSpec& spec, const ContainerState& state);
void write_exec_record(const RunSpec& spec, const ContainerLease& lease);

// The walls of the record: process without its arguments, seccomp, landlock. Nothing when it is not
// whole yet, or is about another process than the state's. Throws Error(corrupt).
std::optional<RunSpec> parse_exec_record(std::string_view text, const ContainerState& state);

} // namespace layerbox
