#include "base/fault.hpp"

#ifdef LAYERBOX_FAULTS

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace layerbox {

void fault_point(const char* name) {
  const char* setting = std::getenv("LAYERBOX_FAULT");
  if (setting == nullptr) return;
  const std::string_view text = setting;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || text.substr(0, equals) != name) return;
  std::string_view action = text.substr(equals + 1);
  int wanted = 1;
  if (const std::size_t colon = action.find(':'); colon != std::string_view::npos) {
    wanted = std::atoi(std::string(action.substr(colon + 1)).c_str());
    action = action.substr(0, colon);
  }
  // One variable names one point, so one counter serves.
  static std::atomic<int> passes{0};
  if (++passes != wanted) return;
  if (action == "kill") ::raise(SIGKILL);
  throw Error(ErrorKind::system, std::string("injected fault ") + name);
}

} // namespace layerbox

#endif
