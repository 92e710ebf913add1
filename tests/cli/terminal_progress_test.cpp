#include "cli/output.hpp"
#include "cli/terminal_progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layerbox {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Screen : public testing::Test {
 protected:
  TerminalProgress make(ProgressStyle style) {
    return {sink_, style, [this] { return columns_; }, [this] { return now_ms_; }};
  }
  std::string taken() { return sink_.take(); }

  StringSink sink_;
  std::size_t columns_ = 80;
  std::int64_t now_ms_ = 1'000;
};

TEST_F(Screen, ShowsABarAndWipesIt) {
  TerminalProgress progress = make({true, false, false});
  progress.begin("layer 1/2", 1'000'000);
  EXPECT_THAT(taken(), StartsWith("\rlayer 1/2  [>"));
  now_ms_ += 1'000;
  progress.advance(500'000);
  const std::string half = taken();
  EXPECT_THAT(half, HasSubstr("=>"));
  EXPECT_THAT(half, HasSubstr(" 50%  500 kB / 1.00 MB  500 kB/s  eta 1s"));
  progress.end();
  EXPECT_EQ(taken(), "\r\x1b[K");
}

TEST_F(Screen, IsDrawnAtMostTenTimesASecond) {
  TerminalProgress progress = make({true, false, false});
  progress.begin("layer", 1'000);
  taken();
  std::size_t drawings = 0;
  for (int ms = 0; ms < 1'000; ++ms) {
    ++now_ms_;
    progress.advance(static_cast<std::uint64_t>(ms));
    if (!taken().empty()) ++drawings;
  }
  EXPECT_LE(drawings, 10U);
  EXPECT_GE(drawings, 9U);
}

TEST_F(Screen, NeverHidesTheCursor) {
  {
    TerminalProgress progress = make({true, false, true});
    progress.begin("layer", 10);
    progress.warn("odd");
  }
  EXPECT_THAT(taken(), Not(HasSubstr("\x1b[?25l")));
}

TEST_F(Screen, WipesTheBarWhenTheWorkFails) {
  {
    TerminalProgress progress = make({true, false, false});
    progress.begin("layer", 10);
    taken();
  }
  EXPECT_EQ(taken(), "\r\x1b[K");
}

TEST_F(Screen, PutsWarningsAboveTheBar) {
  TerminalProgress progress = make({true, false, false});
  progress.begin("layer", 10);
  taken();
  progress.warn("two devices are left out");
  EXPECT_THAT(taken(), StartsWith("\r\x1b[Klayerbox: warning: two devices are left out\n\rlayer"));
}

TEST_F(Screen, ColoursWarningsOnlyWhenWanted) {
  make({true, false, true}).warn("x");
  EXPECT_THAT(taken(), HasSubstr("\x1b[33m"));
  make({true, false, false}).warn("x");
  EXPECT_THAT(taken(), Not(HasSubstr("\x1b")));
}

TEST_F(Screen, HasPlainLinesWithoutATerminal) {
  TerminalProgress progress = make({false, false, false});
  progress.begin("layer", 10);
  progress.advance(5);
  progress.end();
  EXPECT_EQ(taken(), "");
  progress.note("already there");
  progress.warn("odd");
  EXPECT_EQ(taken(), "already there\nlayerbox: warning: odd\n");
}

TEST_F(Screen, KeepsWarningsAloneWhenQuiet) {
  TerminalProgress progress = make({true, true, false});
  progress.begin("layer", 10);
  progress.advance(5);
  progress.end();
  progress.note("already there");
  EXPECT_EQ(taken(), "");
  progress.warn("odd");
  EXPECT_EQ(taken(), "layerbox: warning: odd\n");
}

TEST_F(Screen, TamesNamesFromArchives) {
  TerminalProgress progress = make({true, false, false});
  progress.begin("\x1b]0;title\a", 0);
  progress.note("\x1b[2J");
  const std::string text = taken();
  EXPECT_THAT(text, Not(HasSubstr("\x1b]0")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[2J")));
}

TEST(ProgressLine, FitsEveryWidth) {
  for (std::size_t columns = 1; columns < 120; ++columns) {
    const std::string line = progress_line("layer ää 1/2", 5'000'000, 9'000'000, 2'000, columns);
    std::size_t width = 0;
    for (const char c : line)
      if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U) ++width;
    EXPECT_LE(width, columns);
  }
}

TEST(ProgressLine, KeepsItsBarBesideALongName) {
  const std::string name(100, 'n');
  const std::string line = progress_line(name, 5'000'000, 9'000'000, 2'000, 80);
  EXPECT_THAT(line, HasSubstr("…  [====>   ]"));
  EXPECT_LE(width_of(line), 80U);
}

TEST(ProgressLine, HasNoBarWhenTheTotalIsNotKnown) {
  EXPECT_EQ(progress_line("reading", 1'000'000, 0, 1'000, 80), "reading  1.00 MB  1.00 MB/s");
}

TEST(ProgressLine, NeverPassesTheEnd) {
  EXPECT_THAT(progress_line("x", 20, 10, 0, 80), HasSubstr("100%  10 B / 10 B"));
}

} // namespace
} // namespace layerbox
