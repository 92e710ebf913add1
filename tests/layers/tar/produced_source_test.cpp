// ProducedSource: what is written on one side is read on the other.
#include <gtest/gtest.h>

#include <atomic>

#include "base/error.hpp"
#include "layers/tar/produced_source.hpp"

namespace layerbox {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(ProducedSource, GivesWhatIsWrittenInOrder) {
  constexpr std::size_t kPieces = 3000; // more than the queue holds
  const std::string piece(5000, 'x');
  ProducedSource source([&](Sink& out) {
    for (std::size_t i = 0; i < kPieces; ++i)
      out.write(bytes_of(piece.substr(0, i % 5000) + std::to_string(i)));
  });
  std::string expected;
  for (std::size_t i = 0; i < kPieces; ++i)
    expected += piece.substr(0, i % 5000) + std::to_string(i);
  EXPECT_EQ(read_all(source, std::size_t{1} << 30, "test"), expected);
}

TEST(ProducedSource, GivesWhatWasWrittenBeforeAFailureAndThenTheFailure) {
  ProducedSource source([](Sink& out) {
    out.write(bytes_of("before"));
    throw Error(ErrorKind::corrupt, "it broke");
  });
  std::array<std::byte, 100> buffer;
  EXPECT_EQ(source.read(buffer), 6U);
  EXPECT_THROW(source.read(buffer), Error);
  EXPECT_THROW(source.read(buffer), Error);
}

TEST(ProducedSource, StopsWhoWritesWhenNobodyReadsAnyMore) {
  std::atomic<bool> finished = false;
  {
    ProducedSource source([&](Sink& out) {
      const std::string block(1 << 20, 'x');
      for (int i = 0; i < 1000; ++i)
        out.write(bytes_of(block));
      finished = true;
    });
    std::array<std::byte, 100> buffer;
    EXPECT_EQ(source.read(buffer), 100U);
  }
  EXPECT_FALSE(finished);
}

TEST(ProducedSource, MayGiveNothing) {
  ProducedSource source([](Sink&) {});
  EXPECT_EQ(read_all(source, 10, "test"), "");
}

} // namespace
} // namespace layerbox
