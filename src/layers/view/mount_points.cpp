#include "layers/view/mount_points.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/fs_at.hpp"
#include "layers/view/image_metadata.hpp"
#include "layers/view/view_path.hpp"

namespace layerbox {
namespace {

constexpr mode_t kMadeMode = 0755; // of directories on the way

class Finder {
 public:
  Finder(const RootfsView& image, const RootfsView& container, const Identity& who)
      : image_(image), container_(container), trees_(tree_refs(container)), metadata_(who) {}

  void look_at(const std::string& mount_point) {
    const auto place = find_in_view(container_, mount_point, LastLink::keep);
    if (!place || !is_unused(*place)) return;
    found_.insert(place->path.str());
    for (RelPath above = place->path.parent(); !above.is_top(); above = above.parent()) {
      const auto way = look_in_view(container_, above);
      if (!way || !is_unused(*way) || !is_as_made(*way)) return;
      found_.insert(above.str());
    }
  }

  std::set<std::string> take() { return std::move(found_); }

 private:
  // Not the image's, and with nothing in it but what was found already.
  bool is_unused(const ViewPlace& place) const {
    if (place.path.is_top() || look_in_view(image_, place.path)) return false;
    const struct stat& status = place.entry.status;
    if (S_ISREG(status.st_mode)) return status.st_size == 0;
    if (!S_ISDIR(status.st_mode)) return false;
    const auto entries = merged_entries(trees_, place.path, place.entry.trees);
    return std::all_of(entries.begin(), entries.end(), [&](const MergedEntry& entry) {
      return found_.contains(place.path.child(entry.name).str());
    });
  }

  bool is_as_made(const ViewPlace& way) const {
    const UniqueFd dir =
        open_beneath(trees_[way.entry.trees.front()], way.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const Metadata metadata = metadata_.read(dir, "", way.entry.status);
    return metadata.uid == 0 && metadata.gid == 0 && metadata.mode == kMadeMode;
  }

  const RootfsView& image_;
  const RootfsView& container_;
  std::vector<TreeRef> trees_;
  ImageMetadata metadata_;
  std::set<std::string> found_;
};

} // namespace

std::set<std::string> empty_mount_points(const RootfsView& image, const RootfsView& container,
                                         std::span<const std::string> mount_points,
                                         const Identity& who) {
  Finder finder(image, container, who);
  // The deepest first: a volume in a volume is in its way.
  std::vector<std::string> deepest_first(mount_points.begin(), mount_points.end());
  std::sort(deepest_first.begin(), deepest_first.end(),
            [](const std::string& a, const std::string& b) {
              return a.size() != b.size() ? a.size() > b.size() : a < b;
            });
  for (const std::string& mount_point : deepest_first)
    finder.look_at(mount_point);
  return finder.take();
}

} // namespace layerbox
