// One suite, every backend on every file system: what a chain looks like must not depend on how it
// was prepared.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cerrno>
#include <tuple>

#include "base/error.hpp"
#include "base/walk.hpp"
#include "layers/backend/backend.hpp"
#include "tests/layers/backend/conformance.hpp"
#include "tests/layers/backend/in_mount.hpp"
#include "tests/layers/backend/temporary_store.hpp"
#include "tests/layers/backend/tree_listing.hpp"

namespace layerbox::test {

namespace {

using Listing = std::map<std::string, std::string>;

std::vector<ConformanceCase> all_cases() {
  std::vector<ConformanceCase> all = merging_cases();
  for (const auto& more : {metadata_cases(), odd_cases()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

std::string encode(const Listing& listing) {
  std::string text;
  for (const auto& [path, line] : listing)
    text += path + '\0' + line + '\0';
  return text;
}

Listing decode(const std::string& text) {
  Listing listing;
  for (std::size_t at = 0; at < text.size();) {
    const std::string path(text.c_str() + at);
    at += path.size() + 1;
    const std::string line(text.c_str() + at);
    at += line.size() + 1;
    listing[path] = line;
  }
  return listing;
}

std::string differences(const Listing& one, const Listing& other) {
  std::string text;
  for (const auto& [path, line] : one) {
    const auto there = other.find(path);
    if (there == other.end()) {
      text += fmt::format("only the first has '{}': {}\n", path, line);
    } else if (there->second != line) {
      text += fmt::format("'{}'\n  {}\n  {}\n", path, line, there->second);
    }
  }
  for (const auto& [path, line] : other) {
    if (!one.contains(path)) text += fmt::format("only the second has '{}': {}\n", path, line);
  }
  return text;
}

Listing seen_through(const BackendEntry& entry, const Store& store, const ChainBuilder& chain,
                     Access access) {
  NoProgress quiet;
  const ContainerLease container = new_container(store, chain.keys());
  const MountPlan foretold = entry.plan(store, container.state().id, chain.keys(), access);
  EXPECT_EQ(list_dir(container.dir()), std::vector<std::string>{layout::kLease})
      << entry.name << " made something that was only to be planned";
  const auto backend = entry.open(store);
  const MountPlan plan = backend->prepare(container, chain.keys(), access, quiet);
  EXPECT_TRUE(plan == foretold) << entry.name << " prepares another rootfs than it plans";
  const Listing listing =
      decode(in_mount(plan, [](const std::string& top) { return encode(list_tree(top)); }));
  backend->discard(container);
  EXPECT_EQ(list_dir(container.dir()), std::vector<std::string>{layout::kLease})
      << entry.name << " left something behind";
  return listing;
}

using Param = std::tuple<std::string, ConformanceCase>; // on which file system, what

class BackendConformance : public ::testing::TestWithParam<Param> {};

TEST_P(BackendConformance, ShowsTheSameTree) {
  const auto& [place, story] = GetParam();
  const FileSystem& here = file_system(place);
  if (!here.why_not.empty()) LAYERBOX_SKIP_UNLESS_REQUIRED("loop", here.why_not);
  TemporaryStore temporary(here.path);
  if (const auto why = why_not(story.needs, temporary.path()); !why.empty()) {
    LAYERBOX_SKIP_UNLESS_REQUIRED(capability_of(story.needs), why);
  }
  const Store& store = temporary.store();
  ChainBuilder chain(store, story.name);
  story.build(chain);
  std::optional<Listing> first;
  for (const BackendEntry& entry : backends()) {
    if (entry.name == "fuse-overlayfs") continue; // served, not mounted: tests/e2e/test_fuse.py
    if (const BackendProbe probe = entry.probe(store, Remember::yes); !probe.works) {
      EXPECT_NE(probe.reason, "");
      if (is_for_another(entry.name, place)) continue;
      LAYERBOX_SKIP_UNLESS_REQUIRED(std::string(entry.name), probe.reason);
    }
    for (const Access access : {Access::throw_away, Access::kept, Access::read_only}) {
      SCOPED_TRACE(fmt::format("{}, access {}", entry.name, static_cast<int>(access)));
      Listing listing = seen_through(entry, store, chain, access);
      // Of no layers at all, each backend makes a top of its own: only its emptiness is agreed.
      if (chain.keys().empty()) listing.erase("");
      EXPECT_EQ(names_of(listing), story.names);
      if (!first) first = listing;
      EXPECT_EQ(differences(*first, listing), "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, BackendConformance,
                         ::testing::Combine(::testing::ValuesIn(file_systems()),
                                            ::testing::ValuesIn(all_cases())),
                         [](const auto& story) {
                           return std::get<0>(story.param) + std::get<1>(story.param).name;
                         });

} // namespace

} // namespace layerbox::test
