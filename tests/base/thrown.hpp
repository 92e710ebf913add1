// thrown: the Error that a piece of code throws, for tests to look at.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "base/error.hpp"

namespace layerbox::test {

template <typename Body> Error thrown_by(Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return {ErrorKind::system, "no Error was thrown"};
}

} // namespace layerbox::test
