// planted_tree: a directory on disk and a DirWriter on it, for tests that tell a tree call by call.
#pragma once

#include <fcntl.h>

#include <string>
#include <string_view>

#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "layers/tree/dir_writer.hpp"
#include "layers/tree/tree_text.hpp"

namespace layerbox::test {

inline Identity root_identity() {
  Identity who;
  who.privilege = Privilege::root;
  who.store_map = IdMap::shifted(0, 0xFFFFFFFF);
  return who;
}

inline Metadata metadata(mode_t mode, std::uint32_t uid = 0, std::uint32_t gid = 0,
                         std::int64_t seconds = 0) {
  Metadata m;
  m.mode = mode;
  m.uid = uid;
  m.gid = gid;
  m.mtime = {seconds, 0};
  return m;
}

// Content in one piece.
class Text : public FileContent {
 public:
  explicit Text(std::string_view text) : text_(text) {}
  Region next() override {
    const Region region{std::as_bytes(std::span(text_)), 0};
    text_ = {};
    return region;
  }

 private:
  std::string_view text_;
};

class PlantedTree {
 public:
  explicit PlantedTree(DirWriter::Options options = {})
      : writer_(temporary_.dir(), root_identity(), std::move(options)) {}

  DirWriter& writer() { return writer_; }
  FdRef fd() const { return temporary_.dir(); }
  PlantedTree& dir(const char* path, const Metadata& m = metadata(0755)) {
    writer_.directory(RelPath::parse(path), m);
    return *this;
  }
  PlantedTree& file(const std::string& path, std::string_view text = "x") {
    Text content(text);
    writer_.file(RelPath::parse(path), metadata(0644), text.size(), content);
    return *this;
  }
  PlantedTree& whiteout(const char* path) {
    writer_.whiteout(RelPath::parse(path));
    return *this;
  }
  PlantedTree& opaque(const char* path) {
    writer_.opaque(RelPath::parse(path));
    return *this;
  }
  std::string text() {
    writer_.finish();
    return tree_text(temporary_.dir());
  }

 private:
  TempDir temporary_{"layerbox-tree-"};
  DirWriter writer_;
};

} // namespace layerbox::test
