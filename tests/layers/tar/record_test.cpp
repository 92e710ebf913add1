// The layer record: what goes in comes out, and nothing else is believed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zstd.h>

#include <random>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tar/layer_descriptor.hpp"
#include "layers/tar/layer_record.hpp"
#include "tests/layers/tar/tar_builder.hpp"
#include "tests/layers/tar/workshop.hpp"

namespace layerbox::test {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string small_record() {
  StringSink sink;
  RecordWriter writer(sink);
  writer.raw(bytes_of("header"));
  writer.begin_file(RelPath::parse("a/b"), 100);
  writer.content(0, bytes_of("xy"));
  writer.content(2, bytes_of("z"));
  writer.content(90, bytes_of("end"));
  writer.end_file();
  writer.raw(bytes_of("padding"));
  writer.finish(sha256("whole"), 4711);
  return sink.take();
}

std::string raw_text(const RecordItem& item) {
  return {reinterpret_cast<const char*>(item.raw.data()), item.raw.size()};
}

TEST(LayerRecord, GivesBackWhatWasWritten) {
  const std::string record = small_record();
  EXPECT_EQ(record.substr(0, 8), std::string("LBXREC\x00\x01", 8));
  MemorySource source(record);
  RecordReader reader(source);
  EXPECT_EQ(raw_text(reader.next()), "header");
  const RecordItem content = reader.next();
  EXPECT_EQ(content.kind, RecordKind::content);
  EXPECT_EQ(content.path.str(), "a/b");
  EXPECT_EQ(content.size_bytes, 100U);
  EXPECT_EQ(content.regions, (std::vector<RecordRegion>{{0, 3}, {90, 3}}));
  EXPECT_EQ(content.digest, sha256("xyzend"));
  EXPECT_EQ(raw_text(reader.next()), "padding");
  const RecordItem& end = reader.next();
  EXPECT_EQ(end.kind, RecordKind::end);
  EXPECT_EQ(end.size_bytes, 4711U);
  EXPECT_EQ(end.digest, sha256("whole"));
}

std::string all_items(std::string_view record) {
  MemorySource source(record);
  RecordReader reader(source);
  std::string text;
  for (;;) {
    const RecordItem& item = reader.next();
    text += raw_text(item) + item.path.str() + std::to_string(item.size_bytes) + item.digest.hex();
    for (const RecordRegion& r : item.regions)
      text += std::to_string(r.offset) + '+' + std::to_string(r.length);
    if (item.kind == RecordKind::end) return text;
  }
}

TEST(LayerRecord, IsRefusedWhenCutOrFollowedBySomething) {
  const std::string record = small_record();
  for (std::size_t cut = 0; cut < record.size(); ++cut)
    EXPECT_THROW(all_items(record.substr(0, cut)), Error) << cut;
  EXPECT_THROW(all_items(record + "x"), Error);
}

std::string record_of(const std::string& items) {
  std::string frame(::ZSTD_compressBound(items.size()), '\0');
  frame.resize(::ZSTD_compress(frame.data(), frame.size(), items.data(), items.size(), 1));
  return std::string("LBXREC\x00\x01", 8) + frame;
}

TEST(LayerRecord, IsRefusedAsDamagedWithAPathThatIsNone) {
  const std::string digest(Digest::kBytes, 'd');
  for (const std::string path : {"../p", "a//b", "./ab", "/abc"}) {
    const std::string items = "C\x04" + path + std::string("\x05\x01\x00\x05", 4) + digest;
    try {
      all_items(record_of(items + std::string("E\x01", 2) + digest));
      ADD_FAILURE() << path << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt) << error.what();
    }
  }
}

TEST(LayerRecord, IsRefusedWithAnItemThatHoldsNothing) {
  const std::string digest(Digest::kBytes, 'd');
  const std::string end = std::string("E\x01", 2) + digest;
  EXPECT_NO_THROW(all_items(record_of("R\x01x" + end)));
  EXPECT_THROW(all_items(record_of(std::string("R\x00", 2) + end)), Error);
  EXPECT_NO_THROW(all_items(record_of(std::string("C\x01p\x05\x01\x00\x05", 7) + digest + end)));
  EXPECT_THROW(all_items(record_of(std::string("C\x01p\x05\x00", 5) + digest + end)), Error);
}

// zstd's frame has bits that mean nothing to this record (the size of the window); all others are
// covered by its checksum.
TEST(LayerRecord, IsRefusedOrReadsTheSameWhenAnyByteIsAnother) {
  const std::string record = small_record();
  const std::string expected = all_items(record);
  std::mt19937 random(7); // NOLINT(cert-msc51-cpp)
  std::size_t refused = 0;
  for (std::size_t at = 0; at < record.size(); ++at) {
    std::string damaged = record;
    damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1 + random() % 255));
    try {
      EXPECT_EQ(all_items(damaged), expected) << at;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GE(refused, record.size() - 2);
}

// A workshop with one layer unpacked.
class UnpackedTree : public testing::Test {
 protected:
  UnpackedTree() {
    TarBuilder builder;
    builder.dir("d").file("d/a", "content").file("big", std::string(3'000'000, 'b'));
    tar_ = builder.finish();
    workshop_.unpack(tar_);
  }
  std::vector<std::string> differences() {
    return verify_tree(open_beneath(workshop_.layer(), RelPath::parse("record"), O_RDONLY),
                       workshop_.tree(), 10);
  }
  void write(const char* path, const char* content, int flags) {
    const UniqueFd fd = open_beneath(workshop_.tree(), RelPath::parse(path), O_WRONLY | flags);
    write_all(fd, bytes_of(content), path);
  }
  Workshop workshop_;
  std::string tar_;
};

TEST_F(UnpackedTree, IsWhatItsRecordSays) {
  EXPECT_EQ(differences(), std::vector<std::string>{});
  EXPECT_TRUE(workshop_.rebuilt() == tar_);
}

TEST_F(UnpackedTree, IsFoundOutWhenAByteChanged) {
  write("d/a", "Content", 0);
  ASSERT_EQ(differences().size(), 1U);
  EXPECT_NE(differences()[0].find("'d/a'"), std::string::npos);
  EXPECT_THROW(workshop_.rebuilt(), Error);
}

TEST_F(UnpackedTree, IsFoundOutWhenAFileGrewOrWentAway) {
  write("d/a", "more", O_APPEND);
  unlink_at(workshop_.tree(), "big");
  ASSERT_EQ(differences().size(), 2U);
  EXPECT_NE(differences()[0].find("has 11 bytes, not 7"), std::string::npos);
  EXPECT_NE(differences()[1].find("is missing"), std::string::npos);
}

TEST_F(UnpackedTree, IsFoundOutWhenAFileBecameASymlinkToItsTwin) {
  rename_at(workshop_.tree(), "big", workshop_.staging(), "twin");
  ASSERT_EQ(::symlinkat("../../twin", workshop_.tree().get(), "big"), 0);
  EXPECT_EQ(differences().size(), 1U);
  EXPECT_THROW(workshop_.rebuilt(), Error);
}

TEST(LayerDescriptor, ComesBackAsItWas) {
  const Workshop workshop;
  LayerDescriptor written;
  written.row.key.diff_id = sha256("diff");
  written.row.key.below = sha256("below");
  written.row.size_bytes = 1;
  written.row.tar_bytes = 2;
  written.row.source_bytes = 3;
  written.row.entries = 4;
  written.row.imported = 5;
  written.implied = {RelPath(), RelPath::parse("caf\xe9/%41 \"x\"\n")};
  written.unheld = {1, 2, 3, 4, 5, 6};
  write_descriptor(workshop.staging(), written);
  EXPECT_EQ(read_descriptor(workshop.staging()), written);
  EXPECT_THROW(write_descriptor(workshop.staging(), written), Error) << "it replaces nothing";
}

TEST(LayerDescriptor, IsRefusedWhenDamaged) {
  for (const char* text : {"", "{", "[]", "{\"version\": 1}", "{\"version\": 2}",
                           R"({"version":1,"diff_id":"sha256:00","below":null})"}) {
    const Workshop workshop;
    write_new_file(workshop.staging(), "descriptor", text, 0644);
    EXPECT_THROW(read_descriptor(workshop.staging()), Error) << text;
  }
}

} // namespace
} // namespace layerbox::test
