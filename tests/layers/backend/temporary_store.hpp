// temporary_store: a real store in a directory of its own, and containers in it.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "store/container_lease.hpp"
#include "store/store.hpp"
#include "tests/layers/backend/conformance.hpp"
#include "tests/layers/backend/file_systems.hpp"

namespace layerbox::test {

// A directory, removed at the end with all that is in it.
class TemporaryStore {
 public:
  // Below `parent`.
  explicit TemporaryStore(const std::string& parent = file_system(kOwnFileSystem).path);
  ~TemporaryStore();
  TemporaryStore(const TemporaryStore&) = delete;
  TemporaryStore& operator=(const TemporaryStore&) = delete;

  const std::string& path() const { return path_; } // the store is path()/store
  Store& store() { return *store_; }

 private:
  std::string path_;
  std::optional<Store> store_;
};

ContainerLease new_container(const Store& store, std::span<const LayerKey> layers);

// Why this process cannot build what a case needs, by trying it in `directory`; "" when it can.
std::string why_not(Needs needs, const std::string& directory);
// The word by which LAYERBOX_TESTS_MUST_RUN asks for it.
std::string capability_of(Needs needs);
// True when LAYERBOX_TESTS_MUST_RUN (words with commas between) lists `capability`.
bool must_run(const std::string& capability);

} // namespace layerbox::test

// Ends the test: as a failure when the capability was asked for, else as a skip with the reason.
#define LAYERBOX_SKIP_UNLESS_REQUIRED(capability, why)                                             \
  do {                                                                                             \
    if (::layerbox::test::must_run(capability)) FAIL() << (capability) << ": " << (why);           \
    GTEST_SKIP() << (capability) << ": " << (why);                                                 \
  } while (false)
