#include "store/candidates.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/rel_path.hpp"

namespace layerbox {
namespace {

std::string_view repository(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  // A colon before a '/' belongs to a port.
  if (colon == std::string_view::npos || name.find('/', colon) != std::string_view::npos)
    return name;
  return name.substr(0, colon);
}

// Smaller is nearer; nothing when the two are strangers.
std::optional<std::size_t> remoteness(std::string_view wanted, std::string_view name) {
  constexpr std::size_t kOtherTag = 1'000;
  constexpr std::size_t kOtherName = 2'000;
  if (name.starts_with(wanted)) return name.size() - wanted.size();
  const std::size_t whole = edit_distance(wanted, name);
  const std::string_view wanted_repository = repository(wanted);
  if (wanted_repository == repository(name)) return kOtherTag + whole;
  const std::size_t part = edit_distance(wanted_repository, repository(name));
  const std::size_t most = std::max<std::size_t>(1, wanted_repository.size() / 3);
  if (part > most) return std::nullopt;
  return kOtherName + part * 100 + whole;
}

} // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::vector<std::string> nearest(std::string_view wanted, const std::vector<std::string>& names,
                                 std::size_t limit) {
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const std::string& name : names)
    if (const auto far = remoteness(wanted, name)) found.emplace_back(*far, name);
  std::sort(found.begin(), found.end());
  if (found.size() > limit) found.resize(limit);
  std::vector<std::string> result;
  for (auto& entry : found)
    result.push_back(std::move(entry.second));
  return result;
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += '\'' + printable(names[i]) + '\'';
  }
  return text;
}

} // namespace layerbox
