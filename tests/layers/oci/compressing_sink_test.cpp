// CompressingSink: what it writes is what was given, and the same each time.
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "layers/oci/compressing_sink.hpp"
#include "tests/layers/oci/pack.hpp"

namespace layerbox {
namespace {

std::string packed(Compression compression, const std::string& content, std::size_t piece) {
  StringSink out;
  const auto sink = make_compressing_sink(out, compression);
  for (std::size_t at = 0; at < content.size(); at += piece)
    sink->write(
        std::as_bytes(std::span(content).subspan(at, std::min(piece, content.size() - at))));
  sink->finish();
  return out.take();
}

class EachWrittenCompression : public ::testing::TestWithParam<Compression> {};

TEST_P(EachWrittenCompression, GivesBackWhatWasWritten) {
  for (const std::string& content :
       {std::string(), std::string("x"), std::string(3'000'000, 'a'), test::noise(500'000)}) {
    const std::string whole = packed(GetParam(), content, content.size() + 1);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(whole));
    EXPECT_EQ(detect_compression(bytes.first(std::min(bytes.size(), kMagicBytes))), GetParam());
    const auto source = open_decompressed(std::make_unique<MemorySource>(whole), GetParam());
    EXPECT_EQ(read_all(*source, 1 << 30, "test"), content);
    EXPECT_EQ(packed(GetParam(), content, content.size() + 1), whole);
    EXPECT_EQ(packed(GetParam(), content, 1000), whole) << "however it was cut";
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EachWrittenCompression,
                         ::testing::Values(Compression::gzip, Compression::zstd),
                         [](const auto& kind) {
                           return std::string(compression_name(kind.param));
                         });

TEST(CompressingSink, PassesBytesOnWithout) {
  EXPECT_EQ(packed(Compression::none, "as it is", 3), "as it is");
}

TEST(CompressingSink, RefusesWhatArchivesAreNotWrittenWith) {
  StringSink out;
  EXPECT_THROW(make_compressing_sink(out, Compression::xz), Error);
}

} // namespace
} // namespace layerbox
