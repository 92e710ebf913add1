// layer_builder: makes a layer tree in overlay dialect by plain system calls, independent of the
// writers that it helps to test.
//
//     LayerBuilder(dir).file("etc/motd", "hello").whiteout("etc/issue").finish();
//
// Parents that are missing are made 0755. Without other words a thing is 0644 or 0755, belongs to
// the builder's user, and was modified at kBuildTime.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace layerbox::test {

inline constexpr timespec kBuildTime{1'600'000'000, 123'456'789};

struct Attr {
  std::optional<mode_t> mode;
  uid_t uid = 0;
  gid_t gid = 0;
  timespec mtime = kBuildTime;
  std::map<std::string, std::string> xattrs;
};

class LayerBuilder {
 public:
  // Makes the directory `tree` (its parent exists).
  explicit LayerBuilder(std::string tree);

  LayerBuilder& top(const Attr& attr);
  LayerBuilder& dir(const std::string& path, const Attr& attr = {});
  LayerBuilder& file(const std::string& path, const std::string& content, const Attr& attr = {});
  // A file of `size` bytes with `content` at `offset` and holes around it.
  LayerBuilder& sparse(const std::string& path, off_t size, off_t offset,
                       const std::string& content);
  LayerBuilder& hardlink(const std::string& path, const std::string& target);
  LayerBuilder& symlink(const std::string& path, const std::string& target, const Attr& attr = {});
  LayerBuilder& fifo(const std::string& path, const Attr& attr = {});
  LayerBuilder& device(const std::string& path, mode_t type, unsigned major, unsigned minor,
                       const Attr& attr = {});
  LayerBuilder& whiteout(const std::string& path);
  LayerBuilder& opaque(const std::string& path); // "" is the top
  // Sets the directories' own metadata, which making things in them disturbs.
  void finish();

 private:
  std::string at(const std::string& path) const {
    return path.empty() ? tree_ : tree_ + "/" + path;
  }
  void parents(const std::string& path);
  void dress(const std::string& path, const Attr& attr, mode_t default_mode);

  std::string tree_;
  std::vector<std::pair<std::string, Attr>> directories_;
};

} // namespace layerbox::test
