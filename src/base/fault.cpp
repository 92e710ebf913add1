#include "base/fault.hpp"

#ifdef LAYERBOX_FAULTS

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace layerbox {
namespace {

struct Setting {
  std::string_view point;
  bool kills = false;
  unsigned pass = 1;
};

[[noreturn]] void refuse(std::string_view text) {
  throw Error(ErrorKind::invalid_argument,
              "LAYERBOX_FAULT='" + std::string(text) + "' is not NAME=error|kill[:PASS]");
}

Setting parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) refuse(text);
  Setting setting{.point = text.substr(0, equals)};
  std::string_view action = text.substr(equals + 1);
  if (const std::size_t colon = action.find(':'); colon != std::string_view::npos) {
    const std::string_view pass = action.substr(colon + 1);
    const char* end = pass.data() + pass.size();
    const auto result = std::from_chars(pass.data(), end, setting.pass);
    if (result.ec != std::errc() || result.ptr != end || setting.pass == 0) refuse(text);
    action = action.substr(0, colon);
  }
  if (action != "error" && action != "kill") refuse(text);
  setting.kills = action == "kill";
  return setting;
}

// One variable names one point, so one counter serves; a new setting begins to count anew.
unsigned count_pass(std::string_view text) {
  static std::mutex mutex;
  static std::string counted;
  static unsigned passes = 0;
  const std::lock_guard lock(mutex);
  if (counted != text) {
    counted = text;
    passes = 0;
  }
  return ++passes;
}

} // namespace

void fault_point(const char* name) {
  const char* text = std::getenv("LAYERBOX_FAULT");
  if (text == nullptr) return;
  const Setting setting = parse(text);
  if (setting.point != name || count_pass(text) != setting.pass) return;
  if (setting.kills) (void)::raise(SIGKILL);
  throw Error(ErrorKind::system, std::string("injected fault ") + name);
}

} // namespace layerbox

#endif
