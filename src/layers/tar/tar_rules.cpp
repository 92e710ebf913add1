#include "layers/tar/tar_rules.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kAufs = ".wh..wh.";

[[noreturn]] void refuse(const char* why) {
  throw Error(ErrorKind::corrupt, why);
}

// RelPath::parse, but what it refuses is the archive's fault and no caller's.
RelPath parse_path(std::string_view raw, const ImportLimits& limits) {
  if (raw.empty()) refuse("an entry without a name");
  RelPath path;
  try {
    path = RelPath::parse(raw);
  } catch (const Error& error) {
    throw Error(ErrorKind::corrupt, error.what());
  }
  if (path.depth() > limits.max_depth)
    throw Error(ErrorKind::limit_exceeded,
                fmt::format("the name is {} components deep; the limit is {} (--max-depth)",
                            path.depth(), limits.max_depth))
        .set_hint("--max-depth raises the limit");
  return path;
}

// The first component that begins ".wh.", and whether it is the last one.
struct Mark {
  std::string_view component;
  bool last = false;
};

Mark find_mark(const RelPath& path) {
  std::string_view rest = path.str();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    if (rest.starts_with(kWhiteoutPrefix)) return {rest.substr(0, end), end == rest.size()};
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

} // namespace

TarName parse_tar_name(std::string_view raw, const ImportLimits& limits) {
  RelPath path = parse_path(raw, limits);
  const Mark mark = find_mark(path);
  if (mark.component.empty()) return {NameKind::entry, std::move(path)};
  if (mark.last && mark.component == kOpaqueName) return {NameKind::opaque, path.parent()};
  if (mark.component.starts_with(kAufs)) return {NameKind::skipped, std::move(path)};
  if (!mark.last) refuse("a name below a whiteout: no file can be called '.wh.…'");
  const std::string_view hidden = mark.component.substr(kWhiteoutPrefix.size());
  if (hidden.empty()) refuse("a whiteout of nothing");
  if (hidden == "." || hidden == "..") refuse("a whiteout of '.' or '..'");
  return {NameKind::whiteout, path.parent().child(hidden)};
}

RelPath parse_link_target(std::string_view raw, const ImportLimits& limits) {
  if (raw.empty()) refuse("a hard link without a target");
  RelPath path;
  try {
    path = parse_path(raw, limits);
  } catch (Error& error) {
    error.add_context("the target of the hard link");
    throw;
  }
  if (!find_mark(path).component.empty())
    refuse("a hard link to a whiteout: no file can be called '.wh.…'");
  return path;
}

} // namespace layerbox
