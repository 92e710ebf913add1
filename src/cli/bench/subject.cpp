#include "cli/bench/subject.hpp"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/stream.hpp"
#include "cli/error_report.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/view/rootfs_view.hpp"

namespace layerbox::bench {
namespace {

constexpr std::uint64_t kUsualSmallBytes = 4096;
constexpr std::uint64_t kLargeBytes = 65536;
// Of an image with more files, these are looked at.
constexpr std::size_t kMostFiles = 1'000'000;
// Two paths and sizes; less than what fits into a pipe.
constexpr std::size_t kMaxTold = 16384;

bool is_covered(const std::string& path, const std::vector<std::string>& covered) {
  for (const std::string& place : covered)
    if (path == place || (path.starts_with(place) && path[place.size()] == '/')) return true;
  return false;
}

// What containers have of their own, and what is a volume in them.
std::vector<std::string> covered_places(const ImageConfig& config) {
  std::vector<std::string> places{"/proc",      "/sys",          "/dev",
                                  "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
  for (const std::string& volume : config.process.volumes)
    places.push_back('/' + RelPath::parse(volume).str());
  return places;
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

ChosenFiles files_of(const Store& store, const StoredImage& image) {
  const RootfsView view = view_of(store, image.row.layers, Records::unread);
  const std::vector<TreeRef> trees = tree_refs(view);
  return choose_files(
      account_trees(std::vector<FdRef>(trees.begin(), trees.end()), {0, 0, kMostFiles}),
      covered_places(image.config));
}

std::string told(const std::optional<ChosenFile>& file) {
  return file ? fmt::format("{} {}", file->size_bytes, file->path) + '\0' : std::string(1, '\0');
}

std::optional<ChosenFile> hear(std::string& text) {
  const std::string one = text.substr(0, text.find('\0'));
  text.erase(0, one.size() + 1);
  const std::size_t space = one.find(' ');
  if (space == std::string::npos) return std::nullopt;
  ChosenFile file{one.substr(space + 1), 0};
  std::from_chars(one.data(), one.data() + space, file.size_bytes);
  return file;
}

// The trees of an ordinary user hold what only the root of his namespace may read.
ChosenFiles files_with_rights(const Store& store, const StoredImage& image) {
  Pipe pipe = make_pipe();
  as_store_owner(store.identity(), [&] {
    const ChosenFiles files = files_of(store, image);
    const std::string text = told(files.small) + told(files.large);
    write_all(pipe.write, std::as_bytes(std::span(text)), "what was found");
  });
  pipe.write.reset();
  FdSource source(pipe.read, "what was found");
  std::string text = read_all(source, kMaxTold, "what was found");
  ChosenFiles files;
  files.small = hear(text);
  files.large = hear(text);
  return files;
}

StoredImage image_of(Store& store, const std::string& reference) {
  if (!reference.empty()) return find_image(store, reference);
  const std::vector<ImageRow> images = store.catalog().images();
  if (images.empty())
    throw Error(ErrorKind::not_found, "there is no image to measure with")
        .set_hint("import one: layerbox pull-tar --name NAME ARCHIVE");
  return read_image(store, images.front().id);
}

} // namespace

ChosenFiles choose_files(const Account& account, const std::vector<std::string>& covered) {
  ChosenFiles files;
  for (const auto& [directory, listed] : account.files)
    for (const ListedFile& file : listed) {
      if (file.is_wasted || file.bytes == 0) continue;
      const std::string path =
          directory.empty() ? '/' + file.name : '/' + directory + '/' + file.name;
      if (is_covered(path, covered)) continue;
      std::optional<ChosenFile>& place = file.bytes < kLargeBytes ? files.small : files.large;
      const bool better =
          !place || (file.bytes < kLargeBytes ? distance(file.bytes, kUsualSmallBytes) <
                                                    distance(place->size_bytes, kUsualSmallBytes)
                                              : file.bytes > place->size_bytes);
      if (better) place = {path, file.bytes};
    }
  return files;
}

Subject choose_subject(Store& store, const std::string& reference) {
  Subject subject{image_of(store, reference), reference, {}, {}};
  const ImageRow& row = subject.image.row;
  if (reference.empty()) subject.name = row.names.empty() ? row.id.str() : row.names.front();
  const ChosenFiles files =
      with_context([&] { return fmt::format("looking at image '{}'", subject.name); },
                   [&] { return files_with_rights(store, subject.image); });
  subject.small = files.small;
  subject.large = files.large;
  return subject;
}

} // namespace layerbox::bench
