// recipe: how a kept container is run again: what the user wrote when it was made, where, and what
// its environment was then. All else is looked up anew at each start: ids, networks, devices.
//
// The file is a list of strings, each ended by a NUL byte: the directory, the number of words, the
// words, the environment. It is the last thing that the making of a container writes: with it the
// container is whole.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "cli/run_flags.hpp"

namespace layerbox {

struct Recipe {
  std::vector<std::string> words;       // after the verb `run` or `create`
  std::string directory;                // absolute: relative names are below it
  std::vector<std::string> environment; // K=V, all of the command's
};

// Durable. Throws Error.
void write_recipe(FdRef container_dir, const Recipe& recipe);
// Throws Error(not_found) for a container that was not made to be started, Error(corrupt).
Recipe read_recipe(FdRef container_dir);

// Pure: the file's text, and back. Throws Error(corrupt).
std::string recipe_text(const Recipe& recipe);
Recipe parse_recipe(const std::string& text);

// The flags of the words. What is only about the making is left out.
RunFlags flags_of(const Recipe& recipe);

} // namespace layerbox
