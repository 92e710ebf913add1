#include "cli/signal_names.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

TEST(SignalNames, AreReadWithAndWithoutSigInAnyCaseAndAsNumbers) {
  for (const char* text : {"TERM", "SIGTERM", "term", "SigTerm", "15"})
    EXPECT_EQ(parse_signal(text), SIGTERM) << text;
  EXPECT_EQ(parse_signal("SIGKILL"), SIGKILL);
  EXPECT_EQ(parse_signal("winch"), SIGWINCH);
  EXPECT_EQ(parse_signal("IOT"), SIGABRT);
  EXPECT_EQ(parse_signal("1"), SIGHUP);
  EXPECT_EQ(parse_signal("64"), 64);
}

TEST(SignalNames, CountRealTimeSignalsFromEitherEnd) {
  EXPECT_EQ(parse_signal("RTMIN"), 34);
  EXPECT_EQ(parse_signal("SIGRTMIN+3"), 37); // systemd's way to halt
  EXPECT_EQ(parse_signal("RTMAX"), 64);
  EXPECT_EQ(parse_signal("rtmax-1"), 63);
}

TEST(SignalNames, RefuseWhatNamesNoSignal) {
  for (const char* text :
       {"", "SIG", "0", "65", "-9", "+9", "9x", "TERM ", "SIGSIGTERM", "RTMIN+31", "RTMIN-1",
        "RTMAX+1", "RTMIN+", "SIG15", "99999999999", "BOGUS"})
    EXPECT_THROW((void)parse_signal(text), UsageError) << text;
}

TEST(SignalNames, NameWhatTheyRead) {
  EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
  EXPECT_EQ(signal_name(34), "SIGRTMIN");
  EXPECT_EQ(signal_name(37), "SIGRTMIN+3");
  EXPECT_EQ(signal_name(32), "32"); // the C library's own
  for (int signal = 1; signal <= 64; ++signal)
    EXPECT_EQ(parse_signal(signal_name(signal)), signal);
}

} // namespace
} // namespace layerbox
