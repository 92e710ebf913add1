// subordinate_ids: what /etc/passwd, /etc/subuid and /etc/subgid say of one account, read as text;
// no name service is asked. Source: passwd(5), subuid(5), subgid(5).
//
//     name = account_name("jo:x:1000:1000::/home/jo:/bin/sh\n", 1000);              // "jo"
//     subordinate_ranges("jo:100000:65536\n", name, 1000, 1000);         // {{1, 100000, 65536}}
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id_map.hpp"

namespace layerbox {

// A map is written in one write(2) of less than a page (user_namespaces(7)): this many ranges fit.
constexpr std::size_t kMaxSubordinateRanges = 100;

// The name of the first account with `uid`.
std::optional<std::string> account_name(std::string_view passwd, uid_t uid);

// The ranges that lines of `text` give to the account, by its name or its number, in their order,
// numbered on from 1 inside; 0 is left for `own_id`, the account's own. Lines that make no sense,
// that overlap an earlier one or hold `own_id` are passed over: the kernel would refuse the whole
// map. At most kMaxSubordinateRanges.
std::vector<IdRange> subordinate_ranges(std::string_view text,
                                        const std::optional<std::string>& name, uid_t uid,
                                        id_t own_id);

// The first id from 100000 on that is above all ranges of `text`.
std::uint64_t first_free_id(std::string_view text);

// The ranges of /proc/PID/uid_map or gid_map. Throws Error(corrupt).
std::vector<IdRange> parse_id_map(std::string_view text);

} // namespace layerbox
