#include "cli/id_map_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.hpp"
#include "cli/error_report.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kIds = 0xffffffffU; // (uid_t)-1 is nobody's

struct Flag {
  const char* name; // "--uidmap"
  const char* file; // "/etc/subuid"
};

[[noreturn]] void refuse(const Flag& flag, const std::string& text, std::string_view why) {
  throw UsageError(fmt::format("run: {}: '{}' {}", flag.name, text, why),
                   "write CONTAINER-ID:HOST-ID:SIZE");
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(':', from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

std::uint32_t number(const Flag& flag, const std::string& text, std::string_view part) {
  std::uint32_t value = 0;
  const auto result = std::from_chars(part.data(), part.data() + part.size(), value);
  if (result.ec != std::errc() || result.ptr != part.data() + part.size() || part.empty())
    refuse(flag, text, "is not of three numbers");
  return value;
}

bool fits(std::uint32_t first, std::uint32_t count) {
  return std::uint64_t{first} + count <= kIds;
}

// As it is written; `named` tells that HOST is an id of the host.
struct Wanted {
  IdRange range;
  bool named = false;
};

Wanted parse(const Flag& flag, const std::string& text) {
  const std::vector<std::string_view> parts = split(text);
  if (parts.size() != 2 && parts.size() != 3) refuse(flag, text, "is not of three numbers");
  Wanted wanted;
  wanted.named = parts[1].starts_with('@');
  wanted.range = {number(flag, text, parts[0]),
                  number(flag, text, wanted.named ? parts[1].substr(1) : parts[1]),
                  parts.size() == 3 ? number(flag, text, parts[2]) : 1};
  if (wanted.range.count == 0) refuse(flag, text, "maps nothing");
  if (!fits(wanted.range.inside, wanted.range.count) ||
      !fits(wanted.range.outside, wanted.range.count))
    refuse(flag, text, "goes beyond the last id, 4294967294");
  return wanted;
}

[[noreturn]] void refuse_foreign(const Flag& flag, const std::string& text,
                                 const std::vector<IdRange>& own) {
  std::uint64_t last = 0;
  for (const IdRange& range : own)
    last = std::max<std::uint64_t>(last, std::uint64_t{range.inside} + range.count - 1);
  Error error(ErrorKind::permission_denied,
              fmt::format("{}: '{}' asks for ids that are not this user's", flag.name, text));
  error.set_hint(last == 0
                     ? fmt::format("he has 0, himself, alone; {} can give him more", flag.file)
                     : fmt::format("he has 0, himself, and 1 to {} of {}", last, flag.file));
  throw error;
}

// A part of a user's ids: where they are numbered from, and which they are.
struct Piece {
  std::uint32_t from = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
};

// Appends the ids [`begin`, +`count`) of `pieces`, numbered there, as inside from `inside` on.
bool take(const std::vector<Piece>& pieces, std::uint32_t inside, std::uint32_t begin,
          std::uint32_t count, std::vector<IdRange>& map) {
  while (count > 0) {
    const auto found = std::find_if(pieces.begin(), pieces.end(), [&](const Piece& piece) {
      return begin >= piece.from && begin - piece.from < piece.count;
    });
    if (found == pieces.end()) return false;
    const std::uint32_t skipped = begin - found->from;
    const std::uint32_t taken = std::min(count, found->count - skipped);
    map.push_back({inside, found->outside + skipped, taken});
    inside += taken;
    begin += taken;
    count -= taken;
  }
  return true;
}

bool overlap(std::uint32_t a, std::uint32_t a_count, std::uint32_t b, std::uint32_t b_count) {
  return std::uint64_t{a} < std::uint64_t{b} + b_count &&
         std::uint64_t{b} < std::uint64_t{a} + a_count;
}

void require_apart(const Flag& flag, const std::vector<IdRange>& map) {
  if (map.size() > kMaxIdRanges)
    throw UsageError(fmt::format("run: {}: more than {} ranges", flag.name, kMaxIdRanges));
  for (std::size_t i = 0; i < map.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) {
      const bool inside = overlap(map[i].inside, map[i].count, map[k].inside, map[k].count);
      if (!inside && !overlap(map[i].outside, map[i].count, map[k].outside, map[k].count)) continue;
      throw UsageError(fmt::format("run: {}: two ranges share an id {}", flag.name,
                                   inside ? "of the container" : "of the host"));
    }
}

// The files of images and containers lie on disk as root's, or as the ordinary user's own: where
// these have no id inside, nobody there could touch them.
void require_owner(const Flag& flag, const std::vector<IdRange>& map, const Identity& identity,
                   const std::vector<IdRange>& own) {
  const bool is_root = identity.privilege == Privilege::root;
  const bool there = std::any_of(map.begin(), map.end(), [&](const IdRange& range) {
    if (is_root) return range.inside == 0;
    const std::uint32_t himself = own.front().outside;
    return himself >= range.outside && himself - range.outside < range.count;
  });
  if (there) return;
  Error error(
      ErrorKind::invalid_argument,
      is_root
          ? fmt::format("{}: the container has no id 0, and the files of images are its", flag.name)
          : fmt::format("{}: the user himself, HOST 0, has no id in the container, and "
                        "the files of his images are his",
                        flag.name));
  error.set_hint(
      fmt::format("add, for example, {} {}", flag.name, is_root ? "0:100000" : "1000:0"));
  throw error;
}

std::vector<IdRange> parse_map(const Flag& flag, const std::vector<std::string>& texts,
                               const Identity& identity, const std::vector<IdRange>& own) {
  std::vector<Piece> by_number;
  std::vector<Piece> by_name;
  for (const IdRange& range : own) {
    by_number.push_back({range.inside, range.outside, range.count});
    by_name.push_back({range.outside, range.outside, range.count});
  }
  std::vector<IdRange> map;
  for (const std::string& text : texts) {
    const Wanted wanted = parse(flag, text);
    const IdRange& range = wanted.range;
    if (identity.privilege == Privilege::root)
      map.push_back(range);
    else if (!take(wanted.named ? by_name : by_number, range.inside, range.outside, range.count,
                   map))
      refuse_foreign(flag, text, own);
  }
  require_apart(flag, map);
  require_owner(flag, map, identity, own);
  return map;
}

// `own` with inside ids 0 and `id` exchanged; where `id` is beyond the map, the last one goes to 0.
std::vector<IdRange> keep(const std::vector<IdRange>& own, std::uint32_t id) {
  std::vector<Piece> pieces;
  std::uint32_t end = 0;
  for (const IdRange& range : own) {
    pieces.push_back({range.inside, range.outside, range.count});
    end = std::max(end, range.inside + range.count);
  }
  if (id == 0) return own;
  std::vector<IdRange> map;
  (void)take(pieces, id, 0, 1, map);
  if (end <= 1) return map;
  const std::uint32_t other = std::min(id, end - 1); // what was there is 0 now
  (void)take(pieces, 0, other, 1, map);
  if (other > 1) (void)take(pieces, 1, 1, other - 1, map);
  if (other + 1 < end) (void)take(pieces, other + 1, other + 1, end - other - 1, map);
  return map;
}

} // namespace

void declare_id_map_flags(CommandLine& line, IdMapFlags& flags) {
  line.list("--uidmap", flags.uids, "CONT:HOST:SIZE",
            "user ids of the container, and which of the host they are");
  line.list("--gidmap", flags.gids, "CONT:HOST:SIZE", "the same of group ids");
}

IdMap parse_id_maps(const IdMapFlags& flags, const Identity& identity) {
  constexpr Flag kUids = {"--uidmap", "/etc/subuid"};
  constexpr Flag kGids = {"--gidmap", "/etc/subgid"};
  const bool uids_alone = flags.gids.empty();
  const bool gids_alone = flags.uids.empty();
  return {parse_map(gids_alone ? kGids : kUids, gids_alone ? flags.gids : flags.uids, identity,
                    identity.store_map.uids),
          parse_map(uids_alone ? kUids : kGids, uids_alone ? flags.uids : flags.gids, identity,
                    identity.store_map.gids)};
}

IdMap keep_id_map(const Identity& identity) {
  if (identity.privilege == Privilege::root) return identity.store_map;
  return {keep(identity.store_map.uids, identity.uid), keep(identity.store_map.gids, identity.gid)};
}

} // namespace layerbox
