#include "cli/nearest.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "store/candidates.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMostAnswers = 3;
constexpr std::size_t kLongestName = 64; // the comparison is quadratic

} // namespace

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > kLongestName) return {};
  const std::vector<std::string> names = nearest(name, candidates, kMostAnswers);
  return names.empty() ? std::string() : "did you mean " + quoted_list(names) + '?';
}

void throw_unknown(std::string_view kind, const std::string& name,
                   const std::vector<std::string>& known, const std::string& hint) {
  Error error(ErrorKind::not_found, fmt::format("there is no {} '{}'", kind, printable(name)));
  const std::string near = did_you_mean(name, known);
  error.set_hint(near.empty() ? hint : near);
  throw error;
}

} // namespace layerbox
