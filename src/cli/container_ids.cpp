#include "cli/container_ids.hpp"

#include <fmt/format.h>

#include "cli/error_report.hpp"
#include "cli/merge_config.hpp"

namespace layerbox {

IdRangeLease map_container_ids(RunSpec& spec, const RunFlags& flags, const Identity& identity,
                               const std::function<UniqueFd()>& runtime_dir) {
  using Kind = NamespaceWish::Kind;
  const bool is_root = identity.privilege == Privilege::root;
  const Kind userns = merge_namespaces(flags, "none").user.kind;
  if (spec.namespaces.user.mode == NamespaceMode::join) {
    if (flags.id_maps.any())
      throw UsageError("run: --uidmap, --gidmap: a user namespace that is entered has its ids");
    // The host's ids are nobody's range.
    if (!is_root || userns == Kind::host) return {};
    const UniqueFd dir = runtime_dir();
    return dir ? share_ranges_of(dir, spec.id_map) : IdRangeLease{};
  }
  if (userns == Kind::host && !is_root)
    throw Error(ErrorKind::permission_denied,
                "--userns host: only root may give a container the host's ids")
        .set_hint("with '--userns keep-id' your own id is yours inside");
  spec.id_map = identity.store_map;
  if (userns == Kind::host) return {};
  if (userns == Kind::keep_id) {
    spec.id_map = keep_id_map(identity);
    if (!is_root && !flags.user)
      spec.process.user.text = fmt::format("{}:{}", identity.uid, identity.gid);
    return {};
  }
  spec.idmap_rootfs = is_root;
  IdRangeLease lease;
  if (flags.id_maps.any()) {
    lease.map = parse_id_maps(flags.id_maps, identity);
    const UniqueFd dir = is_root ? runtime_dir() : UniqueFd();
    if (dir) lease = take_ranges_of(dir, lease.map);
    spec.id_map = lease.map;
  } else if (is_root) {
    const UniqueFd dir = runtime_dir();
    const std::uint32_t start = random_range_start();
    if (dir)
      lease = take_id_range(dir, start);
    else
      lease.map = id_range_map(start);
    spec.id_map = lease.map;
  }
  return lease;
}

} // namespace layerbox
