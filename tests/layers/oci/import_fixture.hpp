// import_fixture: a store of its own for each test, and what a test asks about an import.
#pragma once

#include <gtest/gtest.h>

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "base/walk.hpp"
#include "layers/import_image.hpp"
#include "store/store.hpp"
#include "tests/layers/oci/archive_builder.hpp"

namespace layerbox::test {

class ProgressLog : public Progress {
 public:
  void begin(std::string_view what, std::uint64_t) override { begun.emplace_back(what); }
  void advance(std::uint64_t) override {}
  void end() override {}
  void warn(std::string_view message) override { warnings.emplace_back(message); }
  void note(std::string_view message) override { notes.emplace_back(message); }

  std::vector<std::string> begun;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;
};

class ImportTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return temp_.path() + "/" + name; }

  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

  Store open_store() const { return Store::open(path("store"), current_identity()); }

  std::vector<ImportedImage> import(const std::string& source, const ImportOptions& options = {}) {
    log.begun.clear();
    log.warnings.clear();
    log.notes.clear();
    return import_images(store, source, options, log);
  }

  // What the import says when it fails; "" when it does not.
  std::string failure(const std::string& source, const ImportOptions& options = {}) {
    try {
      import(source, options);
    } catch (const Error& error) {
      return error.what() + (error.hint().empty() ? "" : " hint: " + error.hint());
    }
    return "";
  }

  std::vector<std::string> names_below(const char* directory) const {
    return list_dir(
        open_beneath(store.root(), RelPath::parse(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  void expect_nothing_was_imported() {
    EXPECT_TRUE(store.catalog().images().empty());
    EXPECT_TRUE(store.catalog().layers().empty());
    EXPECT_TRUE(names_below(layout::kLayers).empty());
    EXPECT_TRUE(names_below(layout::kBlobs).empty());
    EXPECT_TRUE(names_below(layout::kStaging).empty());
  }

  std::string tree_file(const LayerKey& key, const std::string& name) {
    return read_small_file(store.root(), RelPath::parse(layout::layer_tree(key) + "/" + name),
                           std::size_t{1} << 20);
  }

  ImageRow image(const std::string& reference) {
    return *store.catalog().image(store.catalog().resolve_image(reference));
  }

  void remove(const Digest& id) {
    {
      const RangeLock gate = store.gate(LockMode::exclusive);
      store.remove_image(*store.catalog().image(id));
    }
    store.sweep();
  }

  TempDir temp_{"layerbox-import-"};
  Store store = open_store();
  ProgressLog log;
};

} // namespace layerbox::test
