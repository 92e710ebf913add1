// TarWriter: what it writes is read as what was said, here and by others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "layers/tar/tar_writer.hpp"
#include "layers/tree/tree_text.hpp"
#include "tests/layers/tar/workshop.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;

class Pieces : public FileContent {
 public:
  explicit Pieces(std::vector<std::pair<std::uint64_t, std::string>> pieces, bool sparse = false)
      : pieces_(std::move(pieces)), sparse_(sparse) {}
  Region next() override {
    if (at_ == pieces_.size()) return {};
    const auto& [offset, bytes] = pieces_[at_++];
    return {std::as_bytes(std::span(bytes)), offset};
  }
  std::optional<std::vector<Extent>> extents() override {
    if (!sparse_) return std::nullopt;
    std::vector<Extent> all;
    for (const auto& [offset, bytes] : pieces_)
      all.push_back({offset, bytes.size()});
    return all;
  }

 private:
  std::vector<std::pair<std::uint64_t, std::string>> pieces_;
  bool sparse_;
  std::size_t at_ = 0;
};

Metadata plain(mode_t mode = 0644) {
  Metadata metadata;
  metadata.mode = mode;
  return metadata;
}

RelPath path(std::string_view text) {
  return RelPath::parse(text);
}

// The tar of what `tell` says, and what a tree that is made of it says.
struct Written {
  std::string tar;
  std::string text;
};

template <typename Tell> Written written(Tell&& tell, TarKind kind = TarKind::layer) {
  StringSink sink;
  TarWriter writer(sink, kind);
  tell(static_cast<TreeSink&>(writer));
  writer.finish();
  Written result{sink.take(), ""};
  static Workshop workshop(Workshop::Place::memory);
  workshop.unpack(result.tar);
  result.text = workshop.tree_text();
  return result;
}

template <typename Tell> std::string told(Tell&& tell) {
  TreeText text;
  tell(static_cast<TreeSink&>(text));
  return text.text();
}

TEST(TarWriter, WritesNothingAsDockersEmptyLayer) {
  EXPECT_EQ(sha256(written([](TreeSink&) {}).tar).hex(),
            "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
}

TEST(TarWriter, KeepsAllThatALayerSays) {
  const auto tell = [](TreeSink& sink) {
    Metadata top = plain(0711);
    top.uid = 5;
    sink.directory(RelPath(), top);
    sink.directory(path("d"), plain(03755));
    Metadata odd = plain(06755);
    odd.uid = 2'097'152; // does not fit seven octal digits
    odd.gid = 4'294'967'294;
    odd.mtime = {-6, 500'000'000};
    odd.xattrs = {
        {"user.note", std::string("a\0=b\n", 5)}, {"user.k=v", "\xff"}, {"user.empty", ""}};
    Pieces content({{0, "content"}});
    sink.file(path("d/odd"), odd, 7, content);
    sink.hardlink(path("d/same"), odd, path("d/odd"));
    Metadata late = plain(0600);
    late.mtime = {12'000'000'000, 1};
    sink.special(path("fifo"), late, {SpecialType::fifo, 0, 0});
    Metadata early = plain(0777);
    early.mtime = {0, 999'999'999};
    sink.symlink(path("link"), early, "d/\xff");
    sink.special(path("null"), plain(0666), {SpecialType::character_device, 1, 3});
    sink.special(path("disk"), plain(0660), {SpecialType::block_device, 4095, 1'048'575});
    sink.whiteout(path("gone"));
    sink.whiteout(path("d/gone"));
    sink.opaque(path("d"));
  };
  // The tree is read in the order of names, so that is how it is told again.
  const std::string text = written(tell).text;
  for (const char* line :
       {"dir 0711 5:0 0.000000000 \"\"\n", "dir 3755 0:0 0.000000000 \"d\"\n", "opaque \"d\"\n",
        "file 6755 2097152:4294967294 -6.500000000 \"d/odd\" 7 ",
        " user.empty= user.k=v=ff user.note=61003d620a\n", "link \"d/same\" -> \"d/odd\"\n",
        "fifo 0600 0:0 12000000000.000000001 \"fifo\"\n",
        "symlink 0:0 0.999999999 \"link\" -> \"d/\\xff\"\n",
        "char 0666 0:0 0.000000000 \"null\" 1:3\n",
        "block 0660 0:0 0.000000000 \"disk\" 4095:1048575\n", "whiteout \"gone\"\n",
        "whiteout \"d/gone\"\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_EQ(written(tell).tar, written(tell).tar);
}

TEST(TarWriter, CutsNamesWhereHeadersCanHoldThem) {
  for (const std::size_t length : {1U, 99U, 100U, 101U, 155U, 156U, 250U, 255U}) {
    for (const std::string& directory :
         {std::string(), std::string("d/"), std::string(90, 'p') + '/', std::string(200, 'p') + '/',
          std::string(150, 'a') + '/' + std::string(90, 'b') + '/'}) {
      const std::string name = directory + std::string(length, '\xe4');
      const auto tell = [&](TreeSink& sink) {
        sink.directory(RelPath(), plain(0755));
        const RelPath file = path(name);
        std::vector<RelPath> above;
        for (RelPath dir = file.parent(); !dir.is_top(); dir = dir.parent())
          above.push_back(dir);
        for (auto dir = above.rbegin(); dir != above.rend(); ++dir)
          sink.directory(*dir, plain(0750));
        Pieces content({{0, "x"}});
        sink.file(file, plain(), 1, content);
        sink.symlink(file.parent().child("\xff"), plain(0777), name);
      };
      EXPECT_EQ(written(tell).text, told(tell)) << directory.size() << " and " << length;
    }
  }
}

TEST(TarWriter, FillsHolesThatAreNotWorthKeeping) {
  const auto tell = [](TreeSink& sink) {
    sink.directory(RelPath(), plain(0755));
    Pieces content({{3, "a"}, {1000, "b"}});
    sink.file(path("file"), plain(), 2000, content);
  };
  const Written result = written(tell);
  EXPECT_EQ(result.text, told(tell));
  EXPECT_EQ(result.tar.find("GNU.sparse"), std::string::npos);
}

TEST(TarWriter, KeepsHolesThatAre) {
  constexpr std::uint64_t kBig = std::uint64_t{20} << 20;
  for (const auto& pieces : std::vector<std::vector<std::pair<std::uint64_t, std::string>>>{
           {}, {{0, "start"}}, {{kBig - 3, "end"}}, {{0, "a"}, {4096, "b"}, {kBig / 2, "c"}}}) {
    const auto tell = [&](TreeSink& sink) {
      sink.directory(RelPath(), plain(0755));
      Pieces content(pieces, true);
      sink.file(path("dir-of-file"), plain(), kBig, content);
    };
    const Written result = written(tell);
    EXPECT_LT(result.tar.size(), 20'000U);
    EXPECT_EQ(result.text, told(tell)) << pieces.size();
  }
}

TEST(TarWriter, RefusesALayerWithNamesThatDeleteOthers) {
  StringSink sink;
  TarWriter layer(sink, TarKind::layer);
  EXPECT_THROW(layer.directory(path("a/.wh.b"), plain(0755)), Error);
  EXPECT_THROW(layer.symlink(path(".wh..wh..opq"), plain(0777), "x"), Error);
  EXPECT_THROW(layer.whiteout(path(std::string(252, 'x'))), Error);
  TarWriter rootfs(sink, TarKind::rootfs);
  rootfs.directory(path("a/.wh.b"), plain(0755));
}

TEST(TarWriter, SaysWhenAFileIsNotAsLongAsItShould) {
  StringSink sink;
  TarWriter writer(sink, TarKind::layer);
  Pieces grown({{0, "12345"}});
  EXPECT_THROW(writer.file(path("a"), plain(), 4, grown), Error);
}

} // namespace
} // namespace layerbox::test
