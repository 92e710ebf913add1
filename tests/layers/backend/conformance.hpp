// conformance: chains of layers, each a small story, and what must be seen of them whatever the
// backend. Every backend of the table is held to them; see conformance_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "store/store.hpp"
#include "tests/layers/backend/layer_builder.hpp"

namespace layerbox::test {

// Puts layer trees into a store, bottom first.
class ChainBuilder {
 public:
  ChainBuilder(const Store& store, std::string name) : store_(store), name_(std::move(name)) {}
  // A new layer on top of those before. Finish it before the next is asked for.
  LayerBuilder layer();
  // A layer of this chain once more, on top.
  void repeat(std::size_t index) { keys_.push_back(keys_.at(index)); }
  const std::vector<LayerKey>& keys() const { return keys_; }

 private:
  const Store& store_;
  std::string name_;
  std::vector<LayerKey> keys_;
};

// What building a case asks of the machine, beyond a store.
enum class Needs : std::uint8_t { nothing, ids, devices, trusted_xattrs, long_symlinks };
inline constexpr std::size_t kLongSymlink = 4000; // XFS takes 1023 bytes

struct ConformanceCase {
  const char* name; // CamelCase: it becomes the test's name
  Needs needs;
  std::function<void(ChainBuilder&)> build;
  std::string names; // what must be seen, as names_of() writes it
};

// For the test's own messages: gtest would print the bytes.
inline void PrintTo(const ConformanceCase& story, std::ostream* out) {
  *out << story.name;
}

// By what they are about: how layers hide each other, and what a single entry carries.
std::vector<ConformanceCase> merging_cases();
std::vector<ConformanceCase> metadata_cases();
std::vector<ConformanceCase> odd_cases();

} // namespace layerbox::test
