// change_cases: what a container does to its root file system, and what must be said of it whatever
// the backend; see changes_test.cpp.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/layers/backend/conformance.hpp"

namespace layerbox::test {

struct ChangeCase {
  const char* name; // CamelCase: it becomes the test's name
  Needs needs;
  std::function<void(const std::string& top)> act; // in the container's mount
  std::string changes;                             // as `diff` prints them
};

// For the test's own messages: gtest would print the bytes.
inline void PrintTo(const ChangeCase& story, std::ostream* out) {
  *out << story.name;
}

// The image of all cases:
//
//     etc/ etc/a etc/b etc/same      three files; "same" has attributes and a time of its own
//     etc/linked, etc/linked2        one file
//     lib/ lib/x/ lib/x/1 lib/x/2    of two layers; the upper one deleted lib/x/0
//     link → etc/a      fifo|        sparse (4 MiB with "x" at 2 MiB)
void build_change_base(ChainBuilder& chain);

std::vector<ChangeCase> change_cases();

} // namespace layerbox::test
