// detach: work that goes on when the command that began it has returned.
//
//     return run_detached(125, [&](Detached& detached) {
//       ... whatever may fail, and says why on standard error ...
//       detached.begun("0123456789ab");  // the user has his prompt back
//       ... goes on, without a terminal ...
//     });
//
// It is one process of ours, in a session of its own: no daemon. It ends when its work does.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace layerbox {

class Detached {
 public:
  explicit Detached(UniqueFd report) : report_(std::move(report)) {}
  // Tells who waits that all is well, and what to print, if anything. The first time counts.
  void begun(std::string_view result);

 private:
  UniqueFd report_;
};

// Requires a process of one thread that has not opened the store. Returns in the process that began
// it alone: 0 when the work has begun, whose result is printed then; else the status of the work.
// What the work throws is reported as guarded() does.
int run_detached(int status_of_failure, const std::function<int(Detached&)>& work);

} // namespace layerbox
