// format_option: --format, of every verb that lists or shows something.
#pragma once

#include <string>

#include "cli/command_line.hpp"

namespace layerbox {

class FormatOption {
 public:
  void declare(CommandLine& line) {
    line.text("--format", word_, "FORMAT", "table, or json: one document with stable names")
        .choices({"table", "json"});
  }
  bool json() const { return word_ == "json"; }

 private:
  std::string word_ = "table";
};

} // namespace layerbox
