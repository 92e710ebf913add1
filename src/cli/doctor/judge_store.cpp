// The store and its file system.
#include <fmt/format.h>

#include <cerrno>

#include "base/error.hpp"
#include "cli/doctor/judgement.hpp"
#include "cli/units.hpp"

namespace layerbox::doctor {
namespace {

constexpr std::uint64_t kLittleBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kHardlyAnyBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kFewInodes = 10'000;
constexpr const char* kElsewhere = "choose another store with --root, or LAYERBOX_ROOT";
constexpr const char* kMakeRoom = "make room, or choose another store with --root";
constexpr const char* kGoodKinds = "choose a directory on ext4, xfs or btrfs with --root";

Finding judge_opened(const StoreFacts& store) {
  if (!store.opened.worked) {
    const std::string& way_out = store.opened.way_out;
    return {"store", State::missing, store.opened.message, way_out.empty() ? kElsewhere : way_out};
  }
  if (store.is_there) return {"store", State::ok, fmt::format("'{}'", store.path), ""};
  return {"store", State::ok,
          fmt::format("'{}' is not there yet and will be made in '{}'", store.path, store.place),
          ""};
}

Finding judge_file_system(const StoreFacts& store) {
  constexpr const char* kCheck = "file_system";
  const std::string& kind = store.file_system;
  const std::string room = fmt::format("{}, {} free", kind, human_size(store.free_bytes));
  if (!store.objection.empty())
    return {kCheck, State::missing, fmt::format("{}: {}", kind, store.objection), kGoodKinds};
  if (store.is_read_only)
    return {kCheck, State::missing, kind + " is mounted read-only", kElsewhere};
  if (store.usable.tried && !store.usable.worked)
    return {kCheck, State::missing, fmt::format("{}: {}", kind, store.usable.message), kGoodKinds};
  if (store.free_bytes < kHardlyAnyBytes) return {kCheck, State::missing, room, kMakeRoom};
  if (store.free_bytes < kLittleBytes)
    return {kCheck, State::limited, room + ": little for images", kMakeRoom};
  if (store.free_inodes < kFewInodes)
    return {kCheck, State::limited,
            fmt::format("{}, but room for {} files only", room, store.free_inodes), kMakeRoom};
  if (store.is_noexec)
    return {kCheck, State::limited, room + ", mounted noexec: no program runs in a copied image",
            "mount it with exec, or choose another store with --root"};
  if (store.is_nosuid)
    return {kCheck, State::limited,
            room + ", mounted nosuid: sudo and the like give no rights in containers",
            "mount it with suid, or choose another store with --root"};
  if (kind == "tmpfs")
    return {kCheck, State::limited, room + ": it is memory, and gone with the machine's next start",
            kElsewhere};
  if (store.journal == Journal::absent)
    return {kCheck, State::limited,
            room + ", without a journal: after a power cut the store may be damaged",
            "as root, unmounted: tune2fs -O has_journal DEVICE"};
  return {kCheck, State::ok, room, ""};
}

Finding judge_overlay(const StoreFacts& store) {
  constexpr const char* kCheck = "overlay";
  if (!store.overlay.tried || store.overlay.worked)
    return of_trial(kCheck, State::missing, store.overlay,
                    "layers are stacked by the kernel; nothing is copied");
  Finding finding = of_trial(kCheck, State::limited, store.overlay, "");
  finding.what += "; each container gets a copy of its image, which takes time and room";
  if (finding.how.empty())
    finding.how = store.overlay.error == ENODEV
                      ? "as root: modprobe overlay"
                      : "a store on ext4, xfs, btrfs or tmpfs, and Linux 5.11 for ordinary users";
  return finding;
}

Finding judge_idmap(const Facts& facts) {
  constexpr const char* kCheck = "idmapped_mounts";
  const Trial& trial = facts.store.idmapped;
  if (facts.identity.privilege != Privilege::root)
    return {kCheck, State::ok, "not needed: an ordinary user's containers own his ids on disk", ""};
  if (!trial.tried || trial.worked)
    return of_trial(kCheck, State::missing, trial,
                    "root's containers have ids of their own, and no file changes its owner");
  return {kCheck, State::missing,
          fmt::format("{} cannot map ids by mount ({}): root's containers cannot have ids of their "
                      "own",
                      facts.store.file_system, errno_text(trial.error)),
          "choose a store on ext4, xfs, btrfs or (from Linux 6.3 on) tmpfs with --root; '--userns "
          "host' does without"};
}

} // namespace

void judge_store(std::vector<Finding>& findings, const Facts& facts) {
  findings.push_back(judge_opened(facts.store));
  findings.push_back(judge_file_system(facts.store));
  findings.push_back(judge_overlay(facts.store));
  findings.push_back(judge_idmap(facts));
}

} // namespace layerbox::doctor
