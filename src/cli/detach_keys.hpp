// detach_keys: the keys by which who is attached to a container leaves it, among all that he types.
//
//     "ctrl-p,ctrl-q", "ctrl-x,x", "" for none
#pragma once

#include <string>
#include <string_view>

namespace layerbox {

class DetachKeys {
 public:
  // Throws UsageError.
  static DetachKeys parse(std::string_view text);

  struct Seen {
    std::string pass_on;   // what was typed, without what may be the beginning of the keys
    bool complete = false; // the keys were typed; what came after them is dropped
  };
  Seen see(std::string_view typed);

 private:
  std::string keys_;
  std::size_t matched_ = 0; // of keys_, and not passed on yet
};

} // namespace layerbox
