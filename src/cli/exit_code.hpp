// exit_code: what layerbox's exit status means. `run` also returns the command's own status, and
// 128+N when signal N killed it.
#pragma once

namespace layerbox::exit_code {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;          // the operation failed
inline constexpr int kUsage = 2;           // the command line is wrong
inline constexpr int kNotStarted = 125;    // run: layerbox failed before the command ran
inline constexpr int kNotExecutable = 126; // run: the command was found but cannot be executed
inline constexpr int kNotFound = 127;      // run: the command was not found
inline constexpr int kSignalBase = 128;    // a signal N ended it: 128 + N

// The status a shell would show for what waitpid(2) said.
int of_wait_status(int wait_status);

} // namespace layerbox::exit_code
