#include "base/fault.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "tests/base/child.hpp"
#include "tests/base/thrown.hpp"

namespace layerbox {
namespace {

class Fault : public ::testing::Test {
 protected:
  static void set(const char* value) { ::setenv("LAYERBOX_FAULT", value, 1); }
  ~Fault() override { ::unsetenv("LAYERBOX_FAULT"); }
};

TEST_F(Fault, IsNothingWithoutASetting) {
  EXPECT_NO_THROW(fault_point("some.point"));
}

#ifdef LAYERBOX_FAULTS

using test::thrown_by;

TEST_F(Fault, ThrowsAtTheNamedPointOnly) {
  set("some.point=error");
  EXPECT_NO_THROW(fault_point("some.other"));
  EXPECT_NO_THROW(fault_point("some"));
  const Error error = thrown_by([] { fault_point("some.point"); });
  EXPECT_EQ(error.kind(), ErrorKind::system);
  EXPECT_STREQ(error.what(), "injected fault some.point");
}

TEST_F(Fault, StrikesOnceAtThePassThatIsAskedFor) {
  set("counted=error:3");
  EXPECT_NO_THROW(fault_point("counted"));
  EXPECT_NO_THROW(fault_point("another"));
  EXPECT_NO_THROW(fault_point("counted"));
  EXPECT_THROW(fault_point("counted"), Error);
  EXPECT_NO_THROW(fault_point("counted"));
}

TEST_F(Fault, CountsAnewWithANewSetting) {
  set("first=error");
  EXPECT_THROW(fault_point("first"), Error);
  set("second=error");
  EXPECT_THROW(fault_point("second"), Error);
}

TEST_F(Fault, KillsTheProcess) {
  set("deadly=kill:2");
  const int status = test::in_child([] {
    fault_point("deadly");
    fault_point("deadly");
  });
  EXPECT_EQ(status, 128 + SIGKILL);
}

TEST_F(Fault, RefusesASettingThatSaysNothing) {
  for (const char* value : {"", "point", "point=", "point=boom", "point=error:", "point=error:0",
                            "point=kill:x", "point=kill:-1"}) {
    set(value);
    EXPECT_EQ(thrown_by([] { fault_point("point"); }).kind(), ErrorKind::invalid_argument) << value;
  }
}

#else

TEST_F(Fault, IsNothingInAReleaseBuild) {
  set("point=error");
  EXPECT_NO_THROW(fault_point("point"));
}

#endif

} // namespace
} // namespace layerbox
