#include "store/store_moment.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <span>

#include "base/fs_at.hpp"
#include "base/kernel_text.hpp"
#include "base/utc_time.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

// Linux 6.8: a number that no other mount has had since the machine was started. Older kernels give
// one that may come again.
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U
#endif

constexpr std::int64_t kSecond = 1'000'000'000;
// File systems take their times from a clock that ticks 100 to 1000 times in a second.
constexpr std::int64_t kSomeTicks = kSecond / 20;
constexpr std::int64_t kSomeSeconds = 2 * kSecond;

std::optional<struct statx> try_statx(FdRef dir, const char* name) {
  struct statx status {};
  constexpr unsigned kWanted =
      STATX_INO | STATX_SIZE | STATX_MTIME | STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
  if (::statx(dir.get(), name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, kWanted, &status) != 0)
    return std::nullopt;
  return status;
}

std::string header(const StoreMoment& moment) {
  return moment.text() + '\n';
}

} // namespace

std::optional<StoreMoment> StoreMoment::now(FdRef root, Of of) {
  // The boot does not change while we live.
  static const auto kBoot = kernel_line("/proc/sys/kernel/random/boot_id");
  static const std::string kLog = std::string(layout::kDatabase) + "-wal";
  if (!kBoot) return std::nullopt;
  StoreMoment moment(of);
  moment.text_ = *kBoot;
  const std::array<const char*, 4> names{layout::kDatabase, kLog.c_str(), layout::kStaging,
                                         layout::kTrash};
  for (const char* name : std::span(names).first(of == Of::database ? 2 : 4)) {
    const auto status = try_statx(root, name);
    if (!status && (errno != ENOENT || name != kLog)) return std::nullopt;
    if (!status) {
      moment.text_ += " -"; // SQLite makes its log when it needs one
      continue;
    }
    const struct statx_timestamp& written = status->stx_mtime;
    moment.text_ += fmt::format(" {}:{}:{}:{}.{}", status->stx_mnt_id, status->stx_ino,
                                status->stx_size, written.tv_sec, written.tv_nsec);
    moment.last_write_ns_ =
        std::max<std::int64_t>(moment.last_write_ns_, written.tv_sec * kSecond + written.tv_nsec);
    moment.whole_seconds_ |= written.tv_nsec == 0;
  }
  return moment;
}

bool StoreMoment::is_past() const {
  const struct timespec now = now_utc();
  const std::int64_t age_ns = now.tv_sec * kSecond + now.tv_nsec - last_write_ns_;
  return age_ns > (whole_seconds_ ? kSomeSeconds : kSomeTicks);
}

void remember(FdRef root, const RelPath& name, const StoreMoment& then,
              std::string_view what) noexcept {
  try {
    if (!then.is_past() || then.again(root) != then) return;
    const std::string text = header(then).append(what);
    if (text.size() > kMaxRememberedBytes) return;
    const UniqueFd dir = make_dirs_beneath(root, name.parent(), 0700);
    const std::string final_name(name.filename());
    const std::string fresh = final_name + ".new";
    try {
      write_new_file(dir, fresh.c_str(), text, 0600);
      rename_at(dir, fresh.c_str(), dir, final_name.c_str());
    } catch (const std::exception&) { // another is at it, or was killed
      unlink_at(dir, fresh.c_str());
    }
  } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): as if it were not there
  }
}

std::optional<std::string> recall(FdRef root, const RelPath& name, const StoreMoment& now) {
  const auto file = try_open_beneath(root, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (!file) return std::nullopt;
  std::string text(4096, '\0');
  ssize_t size = ::read(file->get(), text.data(), text.size());
  if (size == static_cast<ssize_t>(text.size())) {
    text.resize(kMaxRememberedBytes);
    size = ::pread(file->get(), text.data(), text.size(), 0);
  }
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  const std::string expected = header(now);
  if (!text.starts_with(expected)) return std::nullopt;
  return text.substr(expected.size());
}

// Source: FNV-1a.
RelPath remembered_place(std::string_view kind, std::string_view subject) {
  constexpr std::uint64_t kFiles = 1024;
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : subject)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return RelPath::parse(layout::derived_dir(kind)).child(std::to_string(hash % kFiles));
}

} // namespace layerbox
