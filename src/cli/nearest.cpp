#include "cli/nearest.hpp"

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

} // namespace layerbox
