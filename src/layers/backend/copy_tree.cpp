#include "layers/backend/copy_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/quiet_thread.hpp"
#include "base/walk.hpp"
#include "layers/backend/copy_entry.hpp"

namespace layerbox {

namespace {

constexpr std::size_t kMaxThreads = 3;   // beside the caller's
constexpr std::size_t kStepsAThread = 4; // waiting, before one more is worth it
constexpr std::chrono::milliseconds kTellEvery{200};

// On as many cpus as this process may use.
std::size_t most_threads() {
  const std::size_t cpus = std::thread::hardware_concurrency(); // 0: not known
  return std::clamp<std::size_t>(cpus, 1, kMaxThreads + 1) - 1;
}

std::string copying(const RelPath& path) {
  return fmt::format("copying '/{}'", printable(path.str()));
}

// Runs `work`; what is gone meanwhile was not there, when somebody is at work in the source.
template <typename Work> void unless_gone(Activity activity, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    if (activity == Activity::none || !means_gone(error)) throw;
  }
}

// A merged directory that is still to be copied.
struct Step {
  RelPath path;
  std::vector<std::size_t> trees;
};

// Each thread takes a directory, makes what is right in it, and leaves those below it to whoever
// comes next. Several in one directory would only wait for each other: a directory is locked while
// a name is made in it.
class TreeCopy {
 public:
  TreeCopy(std::vector<TreeRef> trees, Notes notes, Activity activity, FdRef destination,
           Progress& progress)
      : trees_(std::move(trees)), notes_(notes), activity_(activity), destination_(destination),
        progress_(progress) {}

  void run();

 private:
  void work(Progress* progress);
  std::optional<Step> next(Progress* progress);
  void done();
  void found(std::vector<Step> below);
  void start_thread();
  void stop(std::exception_ptr failure);

  void copy_directory(const Step& step, EntryCopier& copier);
  void copy_entries(const Step& step, FdRef first, FdRef to, std::vector<Step>& below,
                    EntryCopier& copier);
  std::vector<MergedEntry> entries_of(const Step& step, FdRef first) const;
  void copy_entry(FdRef from, FdRef to, const RelPath& path, const MergedEntry& entry,
                  EntryCopier& copier);
  bool linked(FdRef to, const RelPath& path, const MergedEntry& entry);

  const std::vector<TreeRef> trees_;
  const Notes notes_;
  const Activity activity_;
  const FdRef destination_;
  Progress& progress_;
  CopyCourse course_;

  std::mutex links_mutex_;
  std::map<std::pair<dev_t, ino_t>, RelPath> links_; // files with several names: the first copied

  std::mutex mutex_; // of all below
  std::condition_variable changed_;
  std::vector<Step> todo_;
  std::size_t at_work_ = 0; // who may find more
  std::exception_ptr failure_;
  std::size_t max_threads_ = most_threads();
  std::vector<std::jthread> threads_; // last: they use all of the above
};

void TreeCopy::run() {
  if (trees_.empty()) return;
  todo_.push_back({RelPath(), all_trees(trees_.size())});
  try {
    work(&progress_);
  } catch (...) { // who is told has had enough
    stop(std::current_exception());
  }
  threads_.clear();
  if (failure_) std::rethrow_exception(failure_);
}

// Until nothing is left. Only the caller's thread tells how far all are.
void TreeCopy::work(Progress* progress) {
  EntryCopier copier(notes_, activity_, course_, progress);
  while (std::optional<Step> step = next(progress)) {
    try {
      unless_gone(activity_, [&] { copy_directory(*step, copier); });
    } catch (...) {
      stop(std::current_exception());
    }
    done();
  }
}

std::optional<Step> TreeCopy::next(Progress* progress) {
  std::unique_lock lock(mutex_);
  while (todo_.empty() && at_work_ > 0 && !failure_) {
    changed_.wait_for(lock, kTellEvery);
    if (progress == nullptr) continue;
    lock.unlock();
    progress->advance(course_.done_bytes);
    lock.lock();
  }
  if (todo_.empty() || failure_) return std::nullopt;
  Step step = std::move(todo_.back());
  todo_.pop_back();
  ++at_work_;
  return step;
}

void TreeCopy::done() {
  const std::lock_guard lock(mutex_);
  if (--at_work_ == 0) changed_.notify_all();
}

void TreeCopy::found(std::vector<Step> below) {
  if (below.empty()) return;
  const std::lock_guard lock(mutex_);
  if (failure_) return; // the caller may be waiting for our end: no thread begins any more
  std::ranges::move(below, std::back_inserter(todo_));
  changed_.notify_all();
  if (threads_.size() < max_threads_ && todo_.size() >= kStepsAThread * (threads_.size() + 1))
    start_thread();
}

// Filters that are older than clone3, and limits, forbid to make a thread: then we are enough.
void TreeCopy::start_thread() {
  try {
    threads_.push_back(start_quiet_thread([this] { work(nullptr); }));
  } catch (const Error&) {
    max_threads_ = threads_.size();
  }
}

// The first failure counts.
void TreeCopy::stop(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::move(failure);
  course_.stopped = true;
  changed_.notify_all();
}

// Its own metadata come last: what is made right in it disturbs them, what happens below does not.
void TreeCopy::copy_directory(const Step& step, EntryCopier& copier) {
  const auto opened = [&](FdRef tree) {
    return with_context([&] { return copying(step.path); },
                        [&] { return open_beneath(tree, step.path, kOpenDir); });
  };
  const UniqueFd from = opened(trees_[step.trees.front()]);
  const UniqueFd to = opened(destination_);
  std::vector<Step> below;
  unless_gone(activity_, [&] { copy_entries(step, from, to, below, copier); });
  found(std::move(below));
  with_context([&] { return copying(step.path); }, [&] { copy_metadata(from, to, notes_); });
}

std::vector<MergedEntry> TreeCopy::entries_of(const Step& step, FdRef first) const {
  if (notes_ == Notes::left_out) return merged_entries(trees_, step.path, step.trees);
  std::vector<MergedEntry> entries;
  for (std::string& name : list_dir(first))
    if (const auto status = try_stat_at(first, name.c_str()))
      entries.push_back({std::move(name), *status, {0}});
  return entries;
}

void TreeCopy::copy_entries(const Step& step, FdRef first, FdRef to, std::vector<Step>& below,
                            EntryCopier& copier) {
  UniqueFd opened; // the directory in the tree of the last entry: neighbours mostly share it
  std::size_t opened_tree = step.trees.front();
  for (MergedEntry& entry : entries_of(step, first)) {
    const RelPath path = step.path.child(entry.name);
    if (S_ISDIR(entry.status.st_mode)) {
      make_dir_at(to, entry.name.c_str(), 0700);
      below.push_back({path, std::move(entry.trees)});
      continue;
    }
    with_context([&] { return copying(path); },
                 [&] {
                   if (opened_tree != entry.trees.front()) {
                     opened_tree = entry.trees.front();
                     opened = open_beneath(trees_[opened_tree], step.path, kOpenDir);
                   }
                   unless_gone(activity_, [&] {
                     copy_entry(opened ? FdRef(opened) : first, to, path, entry, copier);
                   });
                 });
  }
}

// Of a file with several names nobody makes the second before the first is there.
void TreeCopy::copy_entry(FdRef from, FdRef to, const RelPath& path, const MergedEntry& entry,
                          EntryCopier& copier) {
  std::unique_lock lock(links_mutex_, std::defer_lock);
  if (entry.status.st_nlink > 1) {
    lock.lock();
    if (linked(to, path, entry)) return;
  }
  copier.copy(from, to, entry);
}

// A further name of a file that was copied already becomes a link to it.
bool TreeCopy::linked(FdRef to, const RelPath& path, const MergedEntry& entry) {
  const auto [first, is_new] = links_.try_emplace({entry.status.st_dev, entry.status.st_ino}, path);
  if (is_new) return false;
  const RelPath& there = first->second;
  const UniqueFd dir = open_beneath(destination_, there.parent(), kOpenDir);
  const std::string name(there.filename());
  if (::linkat(dir.get(), name.c_str(), to.get(), entry.name.c_str(), 0) != 0) {
    if (errno == ENOENT && activity_ == Activity::live) { // it went away before it was copied
      first->second = path;
      return false;
    }
    throw_errno(errno, fmt::format("linking to '{}'", printable(there.str())));
  }
  return true;
}

} // namespace

void copy_directory_metadata(FdRef from, FdRef to) {
  copy_metadata(from, to, Notes::left_out);
}

void copy_tree(const RootfsView& view, FdRef destination, Progress& progress) {
  TreeCopy(tree_refs(view), Notes::left_out, Activity::none, destination, progress).run();
}

void copy_tree_as_it_lies(FdRef tree, Activity activity, FdRef destination, Progress& progress) {
  TreeCopy({TreeRef(tree)}, Notes::copied, activity, destination, progress).run();
}

} // namespace layerbox
