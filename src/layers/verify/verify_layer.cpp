#include "layers/verify/verify_layer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "base/walk.hpp"
#include "layers/tar/layer_descriptor.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tar/unpack_layer.hpp"
#include "layers/tree/compare_trees.hpp"
#include "layers/tree/implied_directories.hpp"

namespace layerbox {
namespace {

constexpr const char* kSkeleton = "skeleton";

// Counts what flows by.
class CountingSink : public Sink {
 public:
  explicit CountingSink(const std::function<void(std::uint64_t)>& progress) : progress_(progress) {}
  void write(std::span<const std::byte> data) override {
    bytes_ += data.size();
    if (progress_) progress_(bytes_);
  }

 private:
  const std::function<void(std::uint64_t)>& progress_;
  std::uint64_t bytes_ = 0;
};

// A tree of one's own, removed at the end.
class Skeleton {
 public:
  explicit Skeleton(FdRef staging) : staging_(staging) {
    make_dir_at(staging_, kSkeleton, 0755);
    top_ = open_beneath(staging_, RelPath::parse(kSkeleton), kOpenDir);
  }
  Skeleton(const Skeleton&) = delete;
  Skeleton& operator=(const Skeleton&) = delete;
  ~Skeleton() {
    try {
      remove_tree(staging_, kSkeleton);
    } catch (const Error&) {
      // The staging directory goes as a whole, now or by a sweep.
    }
  }
  FdRef top() const { return top_; }

 private:
  FdRef staging_;
  UniqueFd top_;
};

class Verifying {
 public:
  Verifying(const Store& store, const LayerToVerify& layer, FdRef staging)
      : store_(store), layer_(layer), staging_(staging) {}

  VerifiedLayer run(VerifyDepth depth, const std::function<void(std::uint64_t)>& progress) {
    auto dir = open_or_tell(store_.root(), RelPath::parse(layout::layer_dir(layer_.row.key)),
                            kOpenDir, "its directory");
    if (!dir) return std::move(result_);
    check_names(*dir);
    const auto tree = open_or_tell(*dir, RelPath::parse(layout::kTree), kOpenDir, "its tree");
    const auto record = open_or_tell(*dir, RelPath::parse(layout::kRecord),
                                     O_RDONLY | O_NONBLOCK | O_CLOEXEC, "its record");
    check_descriptor(*dir);
    if (tree && record && check_record(*record)) {
      if (depth == VerifyDepth::whole) check_content(*record, *tree, progress);
      check_names_of_tree(*record, *tree);
    }
    if (descriptor_ && descriptor_->row != layer_.row) {
      result_.only_row = result_.damage.empty();
      tell("its row does not say what its descriptor says");
    }
    if (more_ > 0) result_.damage.push_back(fmt::format("and {} more", more_));
    return std::move(result_);
  }

 private:
  void tell(std::string line) {
    if (result_.damage.size() < VerifiedLayer::kMaxLines)
      result_.damage.push_back(std::move(line));
    else
      ++more_;
  }

  std::optional<UniqueFd> open_or_tell(FdRef dir, const RelPath& path, int flags,
                                       const char* what) {
    try {
      if (auto fd = try_open_beneath(dir, path, flags)) return fd;
      tell(fmt::format("{} is missing", what));
    } catch (const Error& error) {
      if (is_shortage(error)) throw;
      tell(fmt::format("{} cannot be opened: {}", what, error.what()));
    }
    return std::nullopt;
  }

  void check_names(FdRef dir) {
    constexpr std::array<std::string_view, 3> kOwn = {layout::kTree, layout::kRecord,
                                                      layout::kDescriptor};
    for (const std::string& name : list_dir(dir))
      if (std::find(kOwn.begin(), kOwn.end(), name) == kOwn.end())
        tell(fmt::format("'{}' does not belong beside its tree", printable(name)));
  }

  void check_descriptor(FdRef dir) {
    try {
      descriptor_ = read_descriptor(dir);
      if (descriptor_->row.key != layer_.row.key) tell("its descriptor is another layer's");
    } catch (const Error& error) {
      if (is_shortage(error)) throw;
      tell(fmt::format("its descriptor cannot be read: {}", error.what()));
    }
  }

  // Read to its end, so that what is made of it later does not stop half-way.
  bool check_record(FdRef record) {
    try {
      const struct stat status = stat_fd(record);
      if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::corrupt, "it is no file");
      FileRangeSource file(record, 0, static_cast<std::uint64_t>(status.st_size), layout::kRecord);
      RecordReader reader(file);
      while (reader.next().kind != RecordKind::end) {
      }
      return true;
    } catch (const Error& error) {
      if (is_shortage(error)) throw;
      tell(fmt::format("its record cannot be read: {}", error.what()));
      return false;
    }
  }

  void check_content(FdRef record, FdRef tree, const std::function<void(std::uint64_t)>& progress) {
    try {
      CountingSink count(progress);
      const Digest made = rebuild_tar(record, tree, count);
      if (made != layer_.row.key.diff_id) tell("its record and tree make the tar " + made.str());
    } catch (const Error& error) {
      if (is_shortage(error)) throw;
      const auto lines = verify_tree(record, tree, VerifiedLayer::kMaxLines);
      for (const std::string& line : lines)
        tell(line);
      if (lines.empty()) tell(error.what());
    }
  }

  void check_names_of_tree(FdRef record, FdRef tree) {
    const Skeleton skeleton(staging_);
    UnpackedLayer made;
    try {
      RecordedHeaders headers(record);
      made = unpack_skeleton(headers, skeleton.top(), store_.identity());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt) throw;
      return tell(fmt::format("its record tells of no tree: {}", error.what()));
    }
    adopt(skeleton.top(), made.implied);
    compare_trees(skeleton.top(), tree, missing_attributes(),
                  [&](const RelPath& path, const std::string& what) {
                    tell(path.is_top() ? "the top of its tree " + what
                                       : fmt::format("'{}' {}", printable(path.str()), what));
                  });
    if (!descriptor_) return;
    const LayerRow& row = descriptor_->row;
    const bool same_losses = is_imported_with_less() || descriptor_->unheld == made.unheld;
    if (row.entries != made.entries || row.size_bytes != made.size_bytes ||
        row.tar_bytes != made.tar_bytes || descriptor_->implied != made.implied || !same_losses)
      tell("its descriptor does not say what its record does");
  }

  // Who has one id imports as himself, and reads his trees as the root of a user namespace, who may
  // give files more: attributes of one that he may not write, say.
  bool is_imported_with_less() const { return store_.identity().privilege == Privilege::single; }

  MissingAttributes missing_attributes() const {
    const bool lost_some =
        descriptor_ && (descriptor_->unheld.xattrs > 0 || descriptor_->unheld.acls > 0);
    return is_imported_with_less() && lost_some ? MissingAttributes::passed_over
                                                : MissingAttributes::told;
  }

  // Directories that the tar does not mention look as they do in the layers below.
  void adopt(FdRef tree, const std::vector<RelPath>& implied) {
    if (!layer_.row.key.below) return;
    std::vector<UniqueFd> open;
    for (auto key = layer_.below.rbegin(); key != layer_.below.rend(); ++key)
      if (auto below =
              try_open_beneath(store_.root(), RelPath::parse(layout::layer_tree(*key)), kOpenDir))
        open.push_back(std::move(*below));
    const std::vector<FdRef> topmost_first(open.begin(), open.end());
    adopt_implied_directories(tree, implied, topmost_first);
  }

  const Store& store_;
  const LayerToVerify& layer_;
  FdRef staging_;
  VerifiedLayer result_;
  std::optional<LayerDescriptor> descriptor_;
  std::size_t more_ = 0;
};

} // namespace

VerifiedLayer verify_layer(const Store& store, const LayerToVerify& layer, FdRef staging,
                           VerifyDepth depth,
                           const std::function<void(std::uint64_t bytes)>& progress) {
  return with_context([&] { return "check layer " + layer.row.key.str(); },
                      [&] { return Verifying(store, layer, staging).run(depth, progress); });
}

} // namespace layerbox
