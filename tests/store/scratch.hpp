// scratch: a store in a directory of its own that goes with the test, and values to put into it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.hpp"
#include "base/temp.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox::test {

class ScratchDir : public TempDir {
 public:
  ScratchDir() : TempDir("layerbox-store-") {}
  std::string operator/(const std::string& name) const { return path() + '/' + name; }
};

// The identity of this process, with one id where it is not root: no test here needs more.
inline Identity test_identity() {
  Identity identity;
  identity.uid = ::geteuid();
  identity.gid = ::getegid();
  if (identity.uid == 0) {
    identity.privilege = Privilege::root;
    identity.store_map = IdMap::shifted(0, 4294967295U);
  } else {
    identity.privilege = Privilege::single;
    identity.store_map = IdMap::single(identity.uid, identity.gid);
  }
  return identity;
}

class StoreTest : public ::testing::Test {
 protected:
  std::string path() const { return scratch_ / "store"; }
  Store open() const { return Store::open(path(), test_identity()); }
  std::string at(const std::string& name) const { return path() + '/' + name; }
  ScratchDir scratch_;
};

inline Digest digest_of(const std::string& text) {
  return sha256(text);
}
inline LayerKey key_of(const std::string& text) {
  return {sha256(text), std::nullopt};
}

inline LayerRow layer_row(const LayerKey& key) {
  LayerRow row;
  row.key = key;
  row.size_bytes = 100;
  row.tar_bytes = 10'240;
  row.source_bytes = 4'096;
  row.entries = 7;
  row.imported = 1'700'000'000;
  return row;
}

// An image whose config is the text `config`, over layers named after texts.
inline NewImage new_image(const std::string& config, const std::vector<std::string>& layers,
                          const std::vector<std::string>& names) {
  NewImage image;
  image.image.id = sha256(config);
  for (const std::string& layer : layers) {
    image.image.layers.push_back(key_of(layer));
    image.layers.push_back(layer_row(key_of(layer)));
  }
  image.image.names = names;
  image.image.size_bytes = 100 * layers.size();
  image.image.created = "2024-01-02T03:04:05Z";
  image.image.os = "linux";
  image.image.architecture = "amd64";
  return image;
}

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

inline std::size_t entries_in(const std::string& path) {
  const std::filesystem::directory_iterator begin(path);
  return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator()));
}

// Lays a layer's files below a staging directory, as an import would.
inline void stage_layer(const Store& store, const Staging& staging, const std::string& content) {
  const std::string dir = store.path() + "/staging/" + staging.token() + "/layer";
  std::filesystem::create_directories(dir + "/tree");
  write_file(dir + "/tree/file", content);
  write_file(dir + "/record", "record of " + content);
  write_file(dir + "/descriptor", "descriptor of " + content);
}

// The Error that `body` throws; a test failure when it throws none.
template <typename Body> Error error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorKind::system, "nothing was thrown"};
}

} // namespace layerbox::test
