// complete_word: what may stand at the end of a command line that is being typed. It knows the
// declarations of the verbs and no store: names of images and the like are for the caller to find.
//
//     complete_word({"rmi", "deb"})            the names of images are wanted
//     complete_word({"images", "--format="})   "--format=table", "--format=json"
//     complete_word({"pull-tar", "-"})         "--name", "--type", …
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace layerbox {

struct Candidate {
  std::string word;
  std::string about; // one line, or ""
};

enum class NameKind : std::uint8_t { image, container, volume, network };

struct WantedNames {
  NameKind kind;
  std::string before, after; // stand around each name: "container:", ":"
};

struct Completion {
  std::vector<Candidate> words; // those that begin with what is there already
  std::vector<WantedNames> names;
  bool files = false;              // paths of this machine
  std::optional<std::string> root; // of the store, where the line says one
};

// `words` are those after the program's name; the last is the one being typed, perhaps "".
Completion complete_word(const std::vector<std::string>& words);

} // namespace layerbox
