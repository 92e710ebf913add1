#include "cli/exit_code.hpp"

#include <sys/wait.h>

namespace layerbox::exit_code {

int of_wait_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) return kSignalBase + WTERMSIG(wait_status);
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : kFailed;
}

} // namespace layerbox::exit_code
