// format_option: --format, of every verb that lists or shows something, and --ids of those that
// list.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/command_line.hpp"
#include "cli/output.hpp"

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

class ListOptions {
 public:
  void declare(CommandLine& line, const char* names = "-q,--ids",
               const char* help = "the ids alone") {
    line.flag(names, keys_only_, help);
    format_.declare(line);
  }

  // Prints the ids, or whatever else the flag is called after, as lines or an array; or the JSON
  // `document()` or the `table()` of all.
  template <typename Document, typename TableText>
  void print_listing(const std::vector<std::string>& keys, const Document& document,
                     const TableText& table) const {
    if (format_.json()) {
      print_json(keys_only_ ? nlohmann::ordered_json(keys) : document());
      return;
    }
    std::string lines;
    for (const std::string& key : keys)
      lines += key + '\n';
    print(keys_only_ ? lines : table());
  }

 private:
  bool keys_only_ = false;
  FormatOption format_;
};

} // namespace layerbox
