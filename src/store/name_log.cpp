#include "store/name_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "store/image_ref.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;
constexpr std::string_view kNobody = "-";

std::string change_line(const std::string& name, const std::optional<Digest>& image) {
  return (image ? image->str() : std::string(kNobody)) + ' ' + name + '\n';
}

std::string lines_of(const ImageNames& names) {
  std::string lines;
  for (const auto& [name, image] : names)
    lines += change_line(name, image);
  return lines;
}

bool is_name(std::string_view text) {
  try {
    return ImageRef::parse(std::string(text)).str() == text;
  } catch (const Error&) {
    return false;
  }
}

std::optional<NameChange> parse_change(std::string_view line) {
  constexpr std::string_view kAlgorithm = "sha256:";
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_name(line.substr(space + 1))) return std::nullopt;
  const std::string name(line.substr(space + 1));
  const std::string_view image = line.substr(0, space);
  if (image == kNobody) return NameChange(name, std::nullopt);
  if (!image.starts_with(kAlgorithm)) return std::nullopt;
  const auto id = Digest::from_hex(image.substr(kAlgorithm.size()));
  return id ? std::optional(NameChange(name, *id)) : std::nullopt;
}

} // namespace

bool NameLog::read_lines(const std::function<void(const NameChange&)>& say) const {
  std::string text;
  try {
    const UniqueFd file = open_path(path_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FdSource source(file, path_);
    text = read_all(source, kMostBytes, path_);
  } catch (const Error& error) {
    if (error.error_number() == ENOENT) return false;
    throw;
  }
  // What has no line end was being written by who was killed.
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    if (const auto change = parse_change(std::string_view(text).substr(at, end - at))) say(*change);
  return true;
}

std::optional<ImageNames> NameLog::read() const {
  ImageNames names;
  const bool is_there = read_lines([&](const NameChange& change) {
    if (change.second)
      names[change.first] = *change.second;
    else
      names.erase(change.first);
  });
  return is_there ? std::optional(std::move(names)) : std::nullopt;
}

std::vector<std::string> NameLog::missing(ImageNames names) const {
  const bool is_there = read_lines([&](const NameChange& change) {
    if (const auto found = names.find(change.first);
        found != names.end() && found->second == change.second)
      names.erase(found);
  });
  std::vector<std::string> left;
  if (is_there)
    for (const auto& [name, image] : names)
      left.push_back(name);
  return left;
}

void NameLog::add(const std::vector<NameChange>& changes,
                  const std::function<ImageNames()>& all) const {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) return replace(all());
  std::string lines;
  for (const auto& [name, image] : changes)
    lines += change_line(name, image);
  const auto size = static_cast<std::size_t>(status.st_size);
  // Asking who has which name takes as long as there are names: not each time.
  if (size / kLongBytes != (size + lines.size()) / kLongBytes)
    if (const ImageNames names = all(); size / 4 > lines_of(names).size()) return replace(names);
  const UniqueFd file = open_path(path_, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
  char last = '\n'; // a writer that was killed, or had no room, may have left a part of a line
  if (size > 0 && ::pread(file.get(), &last, 1, status.st_size - 1) == 1 && last != '\n')
    lines.insert(0, 1, '\n');
  write_all(file, std::as_bytes(std::span(lines)), path_);
  if (::fdatasync(file.get()) != 0) throw_errno(errno, "sync '" + printable(path_) + "'");
}

void NameLog::replace(const ImageNames& all) const {
  const std::string fresh = path_ + ".new";
  const std::string lines = lines_of(all);
  {
    const UniqueFd file =
        open_path(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    write_all(file, std::as_bytes(std::span(lines)), fresh);
    fsync_fd(file, fresh);
  }
  if (::rename(fresh.c_str(), path_.c_str()) != 0)
    throw_errno(errno, "replace '" + printable(path_) + "'");
  fsync_fd(open_path(path_.substr(0, path_.rfind('/') + 1), kOpenDir), path_);
}

} // namespace layerbox
