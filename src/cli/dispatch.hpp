// dispatch: from the words of a command line to an exit status. Only the chosen verb is made, so
// that `run` pays for nothing but its own options.
#pragma once

#include <string>
#include <vector>

namespace layerbox {

// The verb, and its words. Options that stand before the verb are moved behind it:
//     layerbox --root /x images -q      →      images   --root /x -q
struct Request {
  std::string verb; // "" when there is none
  std::vector<std::string> words;
};
Request find_request(const std::vector<std::string>& words);

// Runs the command line without the program's name and returns the exit status. Prints errors;
// throws nothing.
int run_command_line(const std::vector<std::string>& words) noexcept;

} // namespace layerbox
