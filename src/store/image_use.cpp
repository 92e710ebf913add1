#include "store/image_use.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <exception>

#include "base/fs_at.hpp"
#include "store/layout.hpp"

namespace layerbox {

void note_image_use(FdRef root, const Digest& id) noexcept {
  try {
    (void)::utimensat(root.get(), layout::blob(id).c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): no memory for the name
  }
}

std::int64_t last_image_use_ns(FdRef root, const Digest& id) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto status = try_stat_at(root, layout::blob(id).c_str());
  return status ? status->st_mtim.tv_sec * kSecond + status->st_mtim.tv_nsec : 0;
}

} // namespace layerbox
