#include "store/store_version.hpp"

#include <charconv>
#include <optional>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kFirstLine = "layerbox store ";

std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

// Ranges follow each other inside, from the id 1 on.
std::optional<std::vector<IdRange>> take_ranges(std::string_view& text) {
  std::vector<IdRange> ranges;
  std::uint32_t inside = 1;
  do {
    const auto first = take_number(text);
    if (!first || !take(text, "+")) return std::nullopt;
    const auto count = take_number(text);
    if (!count) return std::nullopt;
    ranges.push_back({inside, *first, *count});
    inside += *count;
  } while (take(text, ","));
  return ranges;
}

std::string ranges_text(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& range : ranges) {
    if (!text.empty()) text += ',';
    text += std::to_string(range.outside) + '+' + std::to_string(range.count);
  }
  return text;
}

std::vector<IdRange> without_user(const std::vector<IdRange>& ranges) {
  std::vector<IdRange> rest;
  for (const IdRange& range : ranges)
    if (range.inside != 0) rest.push_back(range);
  return rest;
}

std::string ids_text(const TreeIds& ids) {
  switch (ids.kind) {
  case Privilege::root:
    return "root";
  case Privilege::subordinate:
    return "subordinate " + ranges_text(ids.uids) + ' ' + ranges_text(ids.gids);
  case Privilege::single:
    break;
  }
  return "single " + std::to_string(ids.uid);
}

std::optional<TreeIds> take_ids(std::string_view& text) {
  TreeIds ids;
  if (take(text, "root")) {
    ids.kind = Privilege::root;
    return ids;
  }
  if (take(text, "single ")) {
    const auto uid = take_number(text);
    if (!uid) return std::nullopt;
    ids.uid = *uid;
    return ids;
  }
  if (!take(text, "subordinate ")) return std::nullopt;
  ids.kind = Privilege::subordinate;
  auto uids = take_ranges(text);
  if (!uids || !take(text, " ")) return std::nullopt;
  auto gids = take_ranges(text);
  if (!gids) return std::nullopt;
  ids.uids = std::move(*uids);
  ids.gids = std::move(*gids);
  return ids;
}

// True when every range of `small` is there in `large`, the last perhaps longer.
bool holds(const std::vector<IdRange>& large, const std::vector<IdRange>& small) {
  if (small.size() > large.size()) return false;
  for (std::size_t i = 0; i < small.size(); ++i) {
    const bool last = i + 1 == small.size();
    if (large[i].inside != small[i].inside || large[i].outside != small[i].outside) return false;
    if (last ? large[i].count < small[i].count : large[i].count != small[i].count) return false;
  }
  return true;
}

} // namespace

TreeIds TreeIds::of(const Identity& identity) {
  TreeIds ids;
  ids.kind = identity.privilege;
  if (ids.kind == Privilege::single) ids.uid = identity.uid;
  if (ids.kind == Privilege::subordinate) {
    ids.uids = without_user(identity.store_map.uids);
    ids.gids = without_user(identity.store_map.gids);
  }
  return ids;
}

std::string TreeIds::words() const {
  switch (kind) {
  case Privilege::root:
    return "root";
  case Privilege::subordinate:
    return "an ordinary user with the subordinate ids " + ranges_text(uids) +
           (uids == gids ? "" : " (groups " + ranges_text(gids) + ')');
  case Privilege::single:
    break;
  }
  return "an ordinary user with one id (" + std::to_string(uid) + ')';
}

std::string version_text(const TreeIds& ids) {
  return std::string(kFirstLine) + std::to_string(layout::kVersion) + "\nids " + ids_text(ids) +
         '\n';
}

TreeIds parse_version(std::string_view text, const std::string& path) {
  std::string_view rest = text;
  const bool known_file = take(rest, kFirstLine);
  const auto version = known_file ? take_number(rest) : std::nullopt;
  if (version && *version != layout::kVersion) {
    Error error(ErrorKind::unsupported,
                "open store '" + printable(path) + "': it has version " + std::to_string(*version) +
                    ", and this layerbox knows version " + std::to_string(layout::kVersion));
    error.set_hint("use the layerbox that wrote it, or choose another store with --root");
    throw error;
  }
  if (version && take(rest, "\nids "))
    if (auto ids = take_ids(rest); ids && rest == "\n") return *ids;
  Error error(ErrorKind::corrupt, "open store '" + printable(path) + "': its file '" +
                                      layout::kVersionFile + "' is malformed");
  error.set_hint("put the file back from a backup, or choose another store with --root");
  throw error;
}

IdsVerdict compare(const TreeIds& written, const TreeIds& mine) {
  if (written.kind != mine.kind) return IdsVerdict::other;
  // Of `single`, that the files are the user's own is all that counts, and the owner of the store's
  // directory has said so already: in a user namespace his number may be another.
  if (written.kind != Privilege::subordinate) return IdsVerdict::same;
  if (written == mine) return IdsVerdict::same;
  const bool grown = holds(mine.uids, written.uids) && holds(mine.gids, written.gids);
  return grown ? IdsVerdict::grown : IdsVerdict::other;
}

IdsVerdict compare(const TreeIds& written, const Identity& mine) {
  const IdsVerdict verdict = compare(written, TreeIds::of(mine));
  if (verdict != IdsVerdict::other || written.kind != Privilege::subordinate ||
      mine.privilege != Privilege::subordinate)
    return verdict;
  const std::vector<IdRange> uids = without_user(mine.outside.uids);
  const std::vector<IdRange> gids = without_user(mine.outside.gids);
  const bool is_seen_from_inside =
      !uids.empty() && !gids.empty() && holds(written.uids, uids) && holds(written.gids, gids);
  return is_seen_from_inside ? IdsVerdict::same : IdsVerdict::other;
}

} // namespace layerbox
