// store_version: the file `version`. It makes a directory a store, and says how ids lie on disk.
//
//     layerbox store 1
//     ids subordinate 100000+65536 100000+65536
//
// The second line names the id map under which the trees were written: "root" (every id as it is),
// "subordinate UIDS GIDS" (the id 0 is the user; 1 and up lie in his subordinate ranges, each
// FIRST+COUNT, joined by commas), or "single UID" (everything belongs to the user).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/id_map.hpp"
#include "base/userns.hpp"

namespace layerbox {

struct TreeIds {
  Privilege kind = Privilege::single;
  uid_t uid = 0;             // kind single
  std::vector<IdRange> uids; // kind subordinate: the ranges beside the user himself
  std::vector<IdRange> gids;

  static TreeIds of(const Identity& identity);
  std::string words() const; // for messages
  friend bool operator==(const TreeIds&, const TreeIds&) = default;
};

std::string version_text(const TreeIds& ids);
// `path` is the store's, for messages. Throws Error; kind unsupported for another version.
TreeIds parse_version(std::string_view text, const std::string& path);

// How trees written under `written` look to a process that works under `mine`.
enum class IdsVerdict : std::uint8_t {
  same,
  grown, // `mine` holds all of `written` and more: good, once the file says so
  other, // files of one would have wrong or unreachable owners for the other
};
IdsVerdict compare(const TreeIds& written, const TreeIds& mine);
// The same for a process. An ordinary user's store is his also in a user namespace that he is root
// of, as long as that maps his ids as the store does: `unshare --map-root-user --map-auto` leaves
// out the last one.
IdsVerdict compare(const TreeIds& written, const Identity& mine);

} // namespace layerbox
