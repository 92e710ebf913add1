#include "layers/view/compare_views.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tree/tell_node.hpp"
#include "layers/view/compare_content.hpp"
#include "layers/view/image_metadata.hpp"
#include "layers/view/view_pair.hpp"

namespace layerbox {
namespace {

bool same_time(const struct timespec& a, const struct timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool same_owner_and_mode(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid;
}

bool is_directory(const std::optional<MergedEntry>& entry) {
  return entry && S_ISDIR(entry->status.st_mode);
}

bool is_device(mode_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode);
}

using FileId = std::tuple<std::size_t, dev_t, ino_t>; // the number of its tree first

FileId id_of(const MergedEntry& entry) {
  return {entry.trees.front(), entry.status.st_dev, entry.status.st_ino};
}

// A directory that is being gone through.
struct Folder {
  RelPath path = {};
  std::size_t tree = 0; // that gives its metadata
  struct stat status {};
  std::optional<MergedEntry> before = std::nullopt; // a directory, too
  ChangeKind kind = ChangeKind::changed;
  bool reported = false;
  std::vector<NamePair> names = {};
  std::size_t next = 0; // of the names
};

// The names of one file.
struct Group {
  std::set<FileId> before = {};                // the files that they were
  bool reported = false;                       // one of them is new or has changed
  std::optional<RelPath> first = std::nullopt; // the one that was told already
};

// The directory that was read from last: neighbours mostly share it.
struct LastDir {
  UniqueFd fd = {};
  RelPath path = {};
  std::size_t tree = 0;
};

class Comparison {
 public:
  // One of `hear` and `sink` is given.
  Comparison(const RootfsView& before, const RootfsView& now, const Identity& who,
             const HearChange* hear, TreeSink* sink)
      : views_(before, now), metadata_(who), hear_(hear), sink_(sink) {}

  void run() {
    go(Pass::survey);
    go(Pass::report);
  }

 private:
  // With the first name of a file that is met, it must be known what becomes of the last.
  enum class Pass : std::uint8_t { survey, report };

  void go(Pass pass);
  void enter_top(Pass pass);
  void enter(RelPath path, const NamePair& pair);
  void look_at(Pass pass, RelPath path, const NamePair& pair);
  void pass_over(Pass pass, const RelPath& path, bool was_there);
  void survey(const RelPath& path, const NamePair& pair);
  void report(ChangeKind kind, const RelPath& path, const NamePair& pair);
  void report_folders();
  void report_folder(const Folder& folder);
  void report_deleted(const RelPath& path);
  void keep_truth(Metadata& metadata, const RelPath& path, const MergedEntry& before,
                  const struct stat& now);
  XattrMap attributes(LastDir& last, const RelPath& path, const MergedEntry& entry) const;

  bool differ(const RelPath& path, const MergedEntry& before, const MergedEntry& now);
  bool inside_differs(const RelPath& path, const MergedEntry& before, const MergedEntry& now);
  bool top_differs() const;
  FdRef dir_of(LastDir& last, const RelPath& path, const MergedEntry& entry) const;

  ViewPair views_;
  ImageMetadata metadata_;
  const HearChange* hear_;
  TreeSink* sink_;
  std::vector<Folder> folders_; // from the top to where we are
  std::map<FileId, Group> groups_;
  LastDir last_before_;
  LastDir last_now_;
};

void Comparison::go(Pass pass) {
  enter_top(pass);
  while (!folders_.empty()) {
    Folder& folder = folders_.back();
    if (folder.next == folder.names.size()) {
      folders_.pop_back();
      continue;
    }
    // Looking may add folders, which moves this one.
    const NamePair pair = std::move(folder.names[folder.next++]);
    const RelPath path = folder.path.child(pair.name);
    try {
      look_at(pass, path, pair);
    } catch (const Error& error) {
      if (!views_.live() || !means_gone(error)) throw;
      pass_over(pass, path, pair.before.has_value());
    }
  }
}

// Something went away while it was read: it, or a directory on its way that was not told yet. What
// was not there before is nothing then, and the other was deleted.
void Comparison::pass_over(Pass pass, const RelPath& path, bool was_there) {
  for (std::size_t i = 1; i < folders_.size(); ++i) {
    if (folders_[i].reported) continue;
    try {
      open_beneath(views_.tree(folders_[i].tree), folders_[i].path, kOpenDir);
    } catch (const Error& error) {
      if (!means_gone(error)) throw;
      const RelPath gone = folders_[i].path;
      const bool existed = folders_[i].kind == ChangeKind::changed;
      folders_.resize(i);
      return pass_over(pass, gone, existed);
    }
  }
  if (was_there && pass == Pass::report) report_deleted(path);
}

void Comparison::enter_top(Pass pass) {
  Folder top;
  // Of an image without layers there is no top to be told.
  top.reported = views_.now_top().empty();
  if (!top.reported) {
    top.tree = views_.now_top().front();
    top.status = stat_fd(views_.tree(top.tree));
  }
  if (!views_.before_top().empty()) {
    top.before.emplace();
    top.before->trees = views_.before_top();
    top.before->status = stat_fd(views_.tree(views_.before_top().front()));
  }
  top.names = views_.names_in(top.path, views_.before_top(), views_.now_top());
  folders_.push_back(std::move(top));
  if (pass == Pass::report && top_differs()) report_folders();
}

void Comparison::enter(RelPath path, const NamePair& pair) {
  Folder folder;
  folder.tree = pair.now->trees.front();
  folder.status = pair.now->status;
  if (is_directory(pair.before)) folder.before = pair.before;
  folder.kind = pair.before ? ChangeKind::changed : ChangeKind::added;
  const std::vector<std::size_t> nothing;
  folder.names = views_.names_in(path, is_directory(pair.before) ? pair.before->trees : nothing,
                                 pair.now->trees);
  folder.path = std::move(path);
  folders_.push_back(std::move(folder));
}

void Comparison::look_at(Pass pass, RelPath path, const NamePair& pair) {
  if (!pair.now) {
    if (pass == Pass::report) report_deleted(path);
    return;
  }
  if (pair.before && pair.before->trees == pair.now->trees) return; // the same thing
  if (is_directory(pair.now)) {
    const bool differs = pass == Pass::report &&
                         (!is_directory(pair.before) || differ(path, *pair.before, *pair.now));
    enter(std::move(path), pair);
    if (differs) report_folders();
    return;
  }
  const bool has_names = pair.now->status.st_nlink > 1;
  if (pass == Pass::survey) {
    if (has_names) survey(path, pair);
    return;
  }
  const bool reported = has_names ? groups_[id_of(*pair.now)].reported
                                  : !pair.before || differ(path, *pair.before, *pair.now);
  if (reported) report(pair.before ? ChangeKind::changed : ChangeKind::added, path, pair);
}

void Comparison::survey(const RelPath& path, const NamePair& pair) {
  Group& group = groups_[id_of(*pair.now)];
  if (group.reported) return;
  if (!pair.before || differ(path, *pair.before, *pair.now)) {
    group.reported = true;
    return;
  }
  group.before.insert(id_of(*pair.before));
  group.reported = group.before.size() > 1;
}

void Comparison::report(ChangeKind kind, const RelPath& path, const NamePair& pair) {
  const MergedEntry& now = *pair.now;
  report_folders();
  if (hear_ != nullptr) return (*hear_)(kind, path);
  const FdRef dir = dir_of(last_now_, path.parent(), now);
  const struct stat& status = now.status;
  Metadata metadata = metadata_.read(dir, now.name.c_str(), status);
  if (pair.before) keep_truth(metadata, path, *pair.before, status);
  if (status.st_nlink > 1) {
    std::optional<RelPath>& first = groups_[id_of(now)].first;
    if (first) return sink_->hardlink(path, metadata, *first);
    first = path;
  }
  tell_node({dir, now.name.c_str(), path, status}, metadata, *sink_);
}

void Comparison::report_folders() {
  for (Folder& folder : folders_) {
    if (folder.reported) continue;
    report_folder(folder);
    folder.reported = true;
  }
}

void Comparison::report_folder(const Folder& folder) {
  if (hear_ != nullptr) {
    if (!folder.path.is_top() || top_differs()) (*hear_)(folder.kind, folder.path);
    return;
  }
  const UniqueFd dir = open_beneath(views_.tree(folder.tree), folder.path, kOpenDir);
  Metadata metadata = metadata_.read(dir, "", folder.status);
  if (folder.before) keep_truth(metadata, folder.path, *folder.before, folder.status);
  sink_->directory(folder.path, metadata);
}

void Comparison::report_deleted(const RelPath& path) {
  report_folders();
  if (hear_ != nullptr)
    (*hear_)(ChangeKind::deleted, path);
  else
    sink_->whiteout(path);
}

// What the layer's record knows of a file stays true in the next layer: an owner that the disk
// could not hold and nobody changed, and attributes, of a file whose content may be another those
// alone that do not vouch for it.
void Comparison::keep_truth(Metadata& metadata, const RelPath& path, const MergedEntry& before,
                            const struct stat& now) {
  const ViewTree& tree = views_.view_tree(before.trees.front());
  const TrueEntries::Entry* truth = tree.truth ? tree.truth->find(path) : nullptr;
  const struct stat& old = before.status;
  if (truth == nullptr || (old.st_mode & S_IFMT) != (now.st_mode & S_IFMT)) return;
  if (old.st_uid == now.st_uid && old.st_gid == now.st_gid) {
    metadata.uid = truth->metadata.uid;
    metadata.gid = truth->metadata.gid;
  }
  if (truth->metadata.xattrs.empty()) return;
  const XattrMap held = attributes(last_before_, path, before);
  for (const auto& [key, value] : truth->metadata.xattrs) {
    const bool vouches = S_ISREG(now.st_mode) && key.starts_with("security.");
    if (!vouches && !held.contains(key)) metadata.xattrs.emplace(key, value);
  }
}

// As they are on disk.
XattrMap Comparison::attributes(LastDir& last, const RelPath& path,
                                const MergedEntry& entry) const {
  if (path.is_top()) return image_xattrs(views_.tree(entry.trees.front()), "");
  return image_xattrs(dir_of(last, path.parent(), entry), std::string(path.filename()).c_str());
}

bool Comparison::differ(const RelPath& path, const MergedEntry& before, const MergedEntry& now) {
  const struct stat& a = before.status;
  const struct stat& b = now.status;
  if (!same_owner_and_mode(a, b)) return true;
  const bool directory = S_ISDIR(b.st_mode);
  // Who made a mount point in a directory changed its time.
  const bool any_time = directory && views_.hides_below(path);
  if (!any_time && !same_time(a.st_mtim, b.st_mtim)) return true;
  if (!directory && a.st_size != b.st_size) return true;
  if (is_device(b.st_mode) && a.st_rdev != b.st_rdev) return true;
  return with_context([&] { return "comparing '/" + printable(path.str()) + "'"; },
                      [&] { return inside_differs(path, before, now); });
}

// Of two that look the same: attributes, and where a link leads or what a file holds.
bool Comparison::inside_differs(const RelPath& path, const MergedEntry& before,
                                const MergedEntry& now) {
  const char* name = now.name.c_str();
  const FdRef old_dir = dir_of(last_before_, path.parent(), before);
  const FdRef dir = dir_of(last_now_, path.parent(), now);
  if (attributes(last_before_, path, before) != attributes(last_now_, path, now)) return true;
  if (S_ISLNK(now.status.st_mode))
    return read_symlink(old_dir, name, path) != read_symlink(dir, name, path);
  if (!S_ISREG(now.status.st_mode)) return false;
  return !same_content(open_regular_file({old_dir, name, path, before.status}),
                       open_regular_file({dir, name, path, now.status}));
}

bool Comparison::top_differs() const {
  if (views_.before_top().empty() || views_.now_top().empty()) return false;
  if (views_.before_top().front() == views_.now_top().front()) return false;
  const FdRef before = views_.tree(views_.before_top().front());
  const FdRef now = views_.tree(views_.now_top().front());
  return !same_owner_and_mode(stat_fd(before), stat_fd(now)) ||
         image_xattrs(before, "") != image_xattrs(now, "");
}

FdRef Comparison::dir_of(LastDir& last, const RelPath& path, const MergedEntry& entry) const {
  const std::size_t tree = entry.trees.front();
  if (!last.fd || last.tree != tree || last.path != path)
    last = {open_beneath(views_.tree(tree), path, kOpenDir), path, tree};
  return last.fd;
}

} // namespace

void list_changes(const RootfsView& before, const RootfsView& now, const Identity& who,
                  const HearChange& hear) {
  Comparison(before, now, who, &hear, nullptr).run();
}

void tell_changes(const RootfsView& before, const RootfsView& now, const Identity& who,
                  TreeSink& sink) {
  Comparison(before, now, who, nullptr, &sink).run();
  sink.finish();
}

} // namespace layerbox
