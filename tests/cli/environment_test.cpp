#include "cli/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::optional<std::string> host(const std::string& name) {
  if (name == "LANG") return "C.UTF-8";
  return std::nullopt;
}

TEST(Environment, ReplacesInPlace) {
  Environment environment;
  environment.set("A=1");
  environment.set("AB=2");
  environment.set("A=3=4");
  EXPECT_THAT(environment.take(), ElementsAre("A=3=4", "AB=2"));
}

TEST(Environment, DefaultsGiveWay) {
  Environment environment;
  environment.set("A=");
  environment.set_default("A=1");
  environment.set_default("B=1");
  EXPECT_THAT(environment.take(), ElementsAre("A=", "B=1"));
}

TEST(EnvFlag, TakesTheHostsValueForANameAlone) {
  Environment environment;
  apply_env_flag(environment, "LANG", host);
  EXPECT_THAT(environment.take(), ElementsAre("LANG=C.UTF-8"));
}

TEST(EnvFlag, TakesAVariableAwayThatTheHostHasNot) {
  Environment environment;
  environment.set("DEBUG=1");
  apply_env_flag(environment, "DEBUG", host);
  EXPECT_THAT(environment.take(), IsEmpty());
}

TEST(EnvFlag, RefusesAnEmptyName) {
  Environment environment;
  EXPECT_THROW(apply_env_flag(environment, "=1", host), UsageError);
  EXPECT_THROW(apply_env_flag(environment, "", host), UsageError);
}

TEST(EnvFile, ReadsLinesAsTheyStand) {
  Environment environment;
  apply_env_file(environment,
                 "\xEF\xBB\xBF# a comment\n\n  A=1 # no comment\r\nB=\"q\"\nLANG\nMISSING\nC=", "f",
                 host);
  EXPECT_THAT(environment.take(), ElementsAre("A=1 # no comment", "B=\"q\"", "LANG=C.UTF-8", "C="));
}

TEST(EnvFile, NamesTheLineOfABadName) {
  Environment environment;
  try {
    apply_env_file(environment, "A=1\nB C=2\n", "vars.env", host);
    FAIL() << "a name with a blank was taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("vars.env:2: 'B C'"));
  }
}

} // namespace
} // namespace layerbox
