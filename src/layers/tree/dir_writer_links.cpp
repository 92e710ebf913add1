// The part of DirWriter that decides where a name stands: parents, symlinks on the way, hard links.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tree/dir_writer.hpp"
#include "layers/tree/overlay_dialect.hpp"

namespace layerbox {
namespace {

constexpr int kMaxSymlinks = 40; // as the kernel's own resolution, path_resolution(7)

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::corrupt, why);
}

std::string in_quotes(std::string_view name) {
  return "'" + printable(name) + "'";
}

std::string read_link(FdRef dir, const char* name) {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = ::readlinkat(dir.get(), name, buffer.data(), buffer.size());
  if (size < 0) throw_errno(errno, "read symlink " + in_quotes(name));
  return {buffer.data(), static_cast<std::size_t>(size)};
}

} // namespace

// One walk down a path: what is still to do, the next component at the back, and where we are.
struct DirWriter::Walk {
  struct Part {
    std::string name;
    bool from_link;
  };
  std::vector<Part> todo;
  RelPath at;
  int links = 0;
  OnMissing on_missing;
  OnFile on_file;
};

std::optional<RelPath> DirWriter::resolve(const RelPath& path, OnMissing on_missing,
                                          OnFile on_file) {
  if (cache_.cached(path) != nullptr) return path;
  Walk walk{{}, {}, 0, on_missing, on_file};
  const std::vector<std::string_view> parts = path.components();
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    walk.todo.push_back({std::string(*part), false});
  while (!walk.todo.empty())
    if (!step(walk)) return std::nullopt;
  return walk.at;
}

bool DirWriter::step(Walk& walk) {
  const Walk::Part part = std::move(walk.todo.back());
  walk.todo.pop_back();
  if (part.name == "..") {
    if (walk.at.is_top()) refuse("a symlink on its way leads outside the tree");
    walk.at = walk.at.parent();
    return true;
  }
  RelPath next = walk.at.child(part.name);
  if (cache_.find(next) != nullptr) {
    walk.at = std::move(next);
    return true;
  }
  OpenDir& dir = open_dir(walk.at);
  const auto status = try_stat_at(dir.fd, part.name.c_str());
  if (status && S_ISLNK(status->st_mode)) return follow(walk, dir, part.name, part.from_link);
  const bool missing = !status;
  if (missing ? walk.on_missing == OnMissing::stop : walk.on_file == OnFile::stop) return false;
  if (part.from_link)
    refuse("a symlink on its way leads to " + in_quotes(next.str()) +
           ", which is no directory of this layer");
  make_implied(next);
  walk.at = std::move(next);
  return true;
}

bool DirWriter::follow(Walk& walk, OpenDir& dir, const std::string& name, bool from_link) {
  if (++walk.links > kMaxSymlinks) {
    if (walk.on_missing == OnMissing::stop) return false;
    refuse("more than " + std::to_string(kMaxSymlinks) + " symlinks on its way" +
           (from_link ? ", the last of them " : ": ") + in_quotes(name));
  }
  const std::string target = read_link(dir.fd, name.c_str());
  if (target.starts_with('/')) walk.at = RelPath(); // the tree is "/"
  std::vector<std::string> parts;
  std::string_view rest = target;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    walk.todo.push_back({std::move(*part), true});
  return true;
}

OpenDir& DirWriter::open_dir(const RelPath& path) {
  OpenDir* dir = cache_.find(path);
  if (dir == nullptr)
    throw Error(ErrorKind::not_found, "directory " + in_quotes(path.str()) + " went away");
  return *dir;
}

DirWriter::Node DirWriter::parent_of(const RelPath& path) {
  if (path.is_top()) refuse("the top of the tree must be a directory");
  const auto parent = resolve(path.parent(), OnMissing::make, OnFile::replace);
  return {&open_dir(*parent), std::string(path.filename())};
}

std::optional<DirWriter::Node> DirWriter::existing_parent(const RelPath& path) {
  if (path.is_top()) return std::nullopt;
  const auto parent = resolve(path.parent(), OnMissing::stop, OnFile::stop);
  if (!parent) return std::nullopt;
  return Node{&open_dir(*parent), std::string(path.filename())};
}

RelPath DirWriter::place(const RelPath& path) {
  if (path.is_top()) return path;
  const Node at = parent_of(path);
  return at.dir->path.child(at.name);
}

bool DirWriter::exists(const RelPath& path) {
  if (path.is_top()) return true;
  const auto at = existing_parent(path);
  if (!at) return false;
  const auto status = try_stat_at(at->dir->fd, at->name.c_str());
  return status && !is_whiteout_node(*status);
}

void DirWriter::clear(const RelPath& path) {
  const Node at = parent_of(path);
  make_way(at.dir->path.child(at.name), at);
}

void DirWriter::hardlink(const RelPath& path, const Metadata&, const RelPath& target) {
  if (!try_hardlink(path, target))
    throw Error(ErrorKind::not_found, "hard link " + in_quotes(path.str()) + " to " +
                                          in_quotes(target.str()) + ", which is not in the tree");
}

bool DirWriter::try_hardlink(const RelPath& path, const RelPath& target) {
  const RelPath place = this->place(path); // first: it may replace what the target goes through
  const auto source = existing_parent(target);
  if (!source) {
    if (target.is_top()) refuse("a hard link to the top of the tree");
    return false;
  }
  const RelPath origin = source->dir->path.child(source->name);
  const auto status = try_stat_at(source->dir->fd, source->name.c_str());
  if (!status) return false;
  if (is_whiteout_node(*status)) {
    // The place holder of a device that this user may not make, or nothing of this layer.
    if (metadata_.unheld().devices == 0) return false;
    ++metadata_.unheld().devices;
    return true;
  }
  if (S_ISDIR(status->st_mode)) refuse("a hard link to the directory " + in_quotes(target.str()));
  if (origin == place) return true;
  if (origin.starts_with(place))
    refuse("a hard link that replaces the directory of its target " + in_quotes(target.str()));

  // A descriptor of its own: opening the other parent may close this one in the cache.
  const UniqueFd source_dir(::fcntl(source->dir->fd.get(), F_DUPFD_CLOEXEC, 0));
  const Node at = parent_of(place);
  make_way(place, at);
  count_node();
  if (::linkat(source_dir.get(), source->name.c_str(), at.dir->fd.get(), at.name.c_str(), 0) != 0)
    throw_errno(errno, "link " + in_quotes(path.str()) + " to " + in_quotes(target.str()));
  at.dir->touched = true;
  return true;
}

} // namespace layerbox
