// list_filter: --filter KEY=VALUE of the verbs that list something. Of several values of one key
// one has to be true, of all keys each; of labels, as docker and podman have it, all.
//
//     ListFilter filter_{"volume ls", {"name", "label", {"dangling", {"true", "false"}}}};
//     filter_.declare(line);                                        // in declare()
//     filter_.read();                                               // first in run()
//     if (filter_.name(volume.name) && filter_.label(volume.labels)) …
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"

namespace layerbox {

// A key, and what its values are: anything, one of these words, or the name of a thing, as
// operands are called ("VOLUME"), which shells complete.
struct FilterKey {
  FilterKey(const char* key) : name(key) {} // NOLINT(google-explicit-constructor): a list of them
  FilterKey(const char* key, std::vector<std::string> values)
      : name(key), words(std::move(values)) {}
  FilterKey(const char* key, const char* named) : name(key), thing(named) {}

  std::string name;
  std::vector<std::string> words = {};
  std::string thing = {};
};

class ListFilter {
 public:
  ListFilter(std::string verb, std::vector<FilterKey> keys)
      : verb_(std::move(verb)), keys_(std::move(keys)) {}

  void declare(CommandLine& line);
  // Throws UsageError: for what is not KEY=VALUE, for another key, and for another word.
  void read();

  // None when the key was not given.
  const std::vector<std::string>& values(const std::string& key) const;
  bool has(const std::string& key) const { return !values(key).empty(); }
  // Whether `is_true` is of one of the values; so it is when there are none.
  template <typename Predicate> bool any(const std::string& key, Predicate is_true) const {
    const std::vector<std::string>& list = values(key);
    if (list.empty()) return true;
    for (const std::string& value : list)
      if (is_true(value)) return true;
    return false;
  }

  // The keys that several lists have. "label": K, or K=V. "name": a regular expression that some
  // part of the name has to match, as docker takes it; so "web" finds "web-1" and "^web$" does not.
  // Throw UsageError.
  bool label(const std::map<std::string, std::string>& labels) const;
  bool name(const std::string& name) const;

  // Throws UsageError that names the key, the value and what would be right.
  [[noreturn]] void refuse(const std::string& key, const std::string& value,
                           const std::string& right) const;

 private:
  std::string verb_;
  std::vector<FilterKey> keys_;
  std::string help_; // the declaration has no copy of it
  std::vector<std::string> texts_;
  std::map<std::string, std::vector<std::string>> values_;
};

} // namespace layerbox
