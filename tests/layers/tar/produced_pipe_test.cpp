// ProducedPipe: what is written in one thread is read in another process.
#include <gtest/gtest.h>

#include "base/call_in_process.hpp"
#include "base/error.hpp"
#include "layers/tar/produced_pipe.hpp"

namespace layerbox {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// What a process that reads `max_bytes` at most, and all without, is told.
std::string read_in_process(ProducedPipe& pipe, std::function<void(Sink&)> produce,
                            std::size_t max_bytes = std::size_t{1} << 30) {
  const auto read = [&](const WorkInProcess::Tell& tell) {
    FdSource source(pipe.reader(), "test");
    std::string text(std::min(max_bytes, std::size_t{1} << 20), '\0');
    std::size_t total = 0;
    while (total < max_bytes) {
      const std::size_t got = source.read(std::as_writable_bytes(std::span(text)));
      if (got == 0) return;
      tell(std::string_view(text).substr(0, got));
      total += got;
    }
  };
  WorkInProcess reader(read, {{pipe.reader().get()}}, "the reader");
  pipe.start(std::move(produce));
  std::string said;
  reader.finish([&said](std::string_view text) { said += text; });
  return said;
}

TEST(ProducedPipe, GivesWhatIsWrittenInOrder) {
  constexpr std::size_t kPieces = 3000; // more than the pipe holds
  const std::string piece(5000, 'x');
  ProducedPipe pipe;
  const std::string said = read_in_process(pipe, [&](Sink& out) {
    for (std::size_t i = 0; i < kPieces; ++i)
      out.write(bytes_of(piece.substr(0, i % 5000) + std::to_string(i)));
  });
  pipe.finish();
  std::string expected;
  for (std::size_t i = 0; i < kPieces; ++i)
    expected += piece.substr(0, i % 5000) + std::to_string(i);
  EXPECT_EQ(said, expected);
}

TEST(ProducedPipe, GivesWhatWasWrittenBeforeAFailureAndThenTheFailure) {
  ProducedPipe pipe;
  const std::string said = read_in_process(pipe, [](Sink& out) {
    out.write(bytes_of("before"));
    throw Error(ErrorKind::corrupt, "it broke");
  });
  EXPECT_EQ(said, "before");
  EXPECT_THROW(pipe.finish(), Error);
}

TEST(ProducedPipe, StopsWhoWritesWhenNobodyReadsAnyMore) {
  bool finished = false;
  ProducedPipe pipe;
  const std::string said = read_in_process(
      pipe,
      [&](Sink& out) {
        const std::string block(1 << 20, 'x');
        for (int i = 0; i < 1000; ++i)
          out.write(bytes_of(block));
        finished = true;
      },
      100);
  EXPECT_EQ(said.size(), 100U);
  EXPECT_NO_THROW(pipe.finish());
  EXPECT_FALSE(finished);
}

TEST(ProducedPipe, MayGiveNothing) {
  ProducedPipe pipe;
  EXPECT_EQ(read_in_process(pipe, [](Sink&) {}), "");
  pipe.finish();
}

} // namespace
} // namespace layerbox
