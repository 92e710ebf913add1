#include "cli/doctor/trial.hpp"

#include <cerrno>

#include "base/call_in_process.hpp"
#include "base/error.hpp"
#include "base/userns.hpp"

namespace layerbox::doctor {

Trial try_here(const std::function<void()>& work) {
  try {
    work();
    return Trial::success();
  } catch (const Error& error) {
    return {true, false, error.error_number(), error.what(), error.hint()};
  }
}

Trial try_in_process(const std::function<void()>& work) {
  return try_here([&] { call_in_process(work); });
}

Trial try_in_user_namespace(FdRef ns, const std::function<void()>& work) {
  return try_here([&] { call_in_user_namespace(ns, work); });
}

void check(long result, const char* what) {
  if (result < 0) throw_errno(errno, what);
}

} // namespace layerbox::doctor
