#include "base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>

namespace layerbox {
namespace {

Error thrown_by(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::system, "nothing was thrown"};
}

TEST(Error, TellsTheOutermostPurposeFirst) {
  Error error(ErrorKind::corrupt, "bad byte");
  error.add_context("reading 'a'").add_context("importing 'b'");
  EXPECT_STREQ(error.what(), "importing 'b': reading 'a': bad byte");
}

TEST(Error, KeepsTheHintThatIsNearestTheFailure) {
  Error error(ErrorKind::system, "no");
  error.set_hint("").set_hint("near").set_hint("far");
  EXPECT_EQ(error.hint(), "near");
}

TEST(Error, MapsErrnoToWhatACallerMayDoAboutIt) {
  EXPECT_EQ(kind_of_errno(ENOENT), ErrorKind::not_found);
  EXPECT_EQ(kind_of_errno(EEXIST), ErrorKind::already_exists);
  EXPECT_EQ(kind_of_errno(EACCES), ErrorKind::permission_denied);
  EXPECT_EQ(kind_of_errno(EPERM), ErrorKind::permission_denied);
  EXPECT_EQ(kind_of_errno(EBUSY), ErrorKind::in_use);
  EXPECT_EQ(kind_of_errno(EOPNOTSUPP), ErrorKind::unsupported);
  EXPECT_EQ(kind_of_errno(ENOSYS), ErrorKind::unsupported);
  EXPECT_EQ(kind_of_errno(EINTR), ErrorKind::interrupted);
  EXPECT_EQ(kind_of_errno(EIO), ErrorKind::system);
}

TEST(Error, ThatTheMachineLacksSomethingSaysNothingOfTheObject) {
  for (const int lacking : {EAGAIN, EDQUOT, EINTR, EMFILE, ENFILE, ENOMEM, ENOSPC})
    EXPECT_TRUE(is_shortage(thrown_by([&] { throw_errno(lacking, "open 'x'"); }))) << lacking;
  for (const int of_the_object : {EACCES, EIO, ENOENT, ENOTDIR, ELOOP})
    EXPECT_FALSE(is_shortage(thrown_by([&] { throw_errno(of_the_object, "open 'x'"); })))
        << of_the_object;
  EXPECT_FALSE(is_shortage(Error(ErrorKind::corrupt, "it is torn")));
}

TEST(Error, SaysTheKernelsReasonInWords) {
  const Error error = thrown_by([] { throw_errno(ENOTDIR, "open 'x'"); });
  EXPECT_STREQ(error.what(), "open 'x': Not a directory");
  EXPECT_EQ(error.error_number(), ENOTDIR);
  EXPECT_EQ(error.kind(), ErrorKind::system);
}

TEST(Error, NamesAnErrnoThatHasNoWords) {
  EXPECT_EQ(errno_text(99999), "error 99999");
}

TEST(WithContext, AddsToWhatPassesAndKeepsTheRest) {
  const Error error = thrown_by([] {
    with_context([] { return std::string("outer"); },
                 [] { throw Error(ErrorKind::in_use, "inner", EBUSY).set_hint("wait"); });
  });
  EXPECT_STREQ(error.what(), "outer: inner");
  EXPECT_EQ(error.kind(), ErrorKind::in_use);
  EXPECT_EQ(error.error_number(), EBUSY);
  EXPECT_EQ(error.hint(), "wait");
}

TEST(WithContext, ReturnsWhatTheBodyReturnsWithoutMakingADescription) {
  bool described = false;
  int value = 5;
  int& same = with_context(
      [&] {
        described = true;
        return std::string();
      },
      [&]() -> int& { return value; });
  EXPECT_EQ(&same, &value);
  EXPECT_FALSE(described);
}

} // namespace
} // namespace layerbox
