// exec_error: why a command could not be executed. execve(2) says "No such file or directory" for a
// script whose interpreter is missing and "Exec format error" for a program of another machine; a
// user needs the interpreter's or the machine's name. Runs in the child, inside the container,
// where alone the names mean what they say.
#pragma once

#include "runner/child.hpp"

namespace layerbox::child {

// Whether `path` names something, symlinks followed.
bool file_exists(const char* path) noexcept;

// What can be seen of a command before it is executed.
enum class Sight : std::uint8_t { absent, present, launcher };

// `launcher`: executing `path` would make that file the process's program, by itself or as the
// interpreter of a script, at any depth. (As the loader of a program it would not be that:
// /proc/PID/exe is the program then.)
Sight look_at(const char* path, const ChildFile& launcher) noexcept;

// Explains the refusal `error` (-errno) of `path` in the context's report; returns `error`.
int explain_exec(ChildContext& context, const char* path, int error) noexcept;

} // namespace layerbox::child
