#include "base/subordinate_ids.hpp"

#include <algorithm>
#include <cstdint>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/text_fields.hpp"

namespace layerbox {
namespace {

std::string_view take_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return take_until(rest, ' ');
}

bool overlap(std::uint32_t first, std::uint32_t count, const IdRange& other) {
  return first < std::uint64_t{other.outside} + other.count &&
         other.outside < std::uint64_t{first} + count;
}

} // namespace

std::optional<std::string> account_name(std::string_view passwd, uid_t uid) {
  while (!passwd.empty()) {
    std::string_view line = take_until(passwd, '\n');
    const std::string_view name = take_until(line, ':');
    take_until(line, ':');
    if (!name.empty() && whole_number<std::uint32_t>(take_until(line, ':')) == uid)
      return std::string(name);
  }
  return std::nullopt;
}

std::vector<IdRange> subordinate_ranges(std::string_view text,
                                        const std::optional<std::string>& name, uid_t uid,
                                        id_t own_id) {
  std::vector<IdRange> ranges;
  std::uint32_t inside = 1;
  while (!text.empty() && ranges.size() < kMaxSubordinateRanges) {
    std::string_view line = take_until(text, '\n');
    const std::string_view account = take_until(line, ':');
    if (account != name && whole_number<std::uint32_t>(account) != uid) continue;
    const auto first = whole_number<std::uint32_t>(take_until(line, ':'));
    const auto count = whole_number<std::uint32_t>(line);
    // The id 2^32-1 means "none" and cannot be mapped, on neither side.
    if (!first || !count || *count == 0 || *count > UINT32_MAX - std::max(*first, inside)) continue;
    const auto clashes = [&](const IdRange& other) { return overlap(*first, *count, other); };
    if (clashes({0, own_id, 1}) || std::any_of(ranges.begin(), ranges.end(), clashes)) continue;
    ranges.push_back({inside, *first, *count});
    inside += *count;
  }
  return ranges;
}

std::uint64_t first_free_id(std::string_view text) {
  constexpr std::uint64_t kUsualFirst = 100'000; // SUB_UID_MIN of login.defs(5)
  std::uint64_t free = kUsualFirst;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    take_until(line, ':');
    const auto first = whole_number<std::uint32_t>(take_until(line, ':'));
    const auto count = whole_number<std::uint32_t>(line);
    if (first && count) free = std::max(free, std::uint64_t{*first} + *count);
  }
  return free;
}

std::vector<IdRange> parse_id_map(std::string_view text) {
  std::vector<IdRange> ranges;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string shown(line);
    const auto inside = whole_number<std::uint32_t>(take_word(line));
    const auto outside = whole_number<std::uint32_t>(take_word(line));
    const auto count = whole_number<std::uint32_t>(take_word(line));
    if (!inside || !outside || !count)
      throw Error(ErrorKind::corrupt, "'" + printable(shown) + "' is not a line of an id map");
    ranges.push_back({*inside, *outside, *count});
  }
  return ranges;
}

} // namespace layerbox
