#include "cli/tree_browser.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kLinesAroundList = 3; // title, columns, foot
constexpr std::size_t kMaxSearchBytes = 200;
constexpr std::size_t kFromColumns = 14;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

std::string child_path(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + '/' + name;
}

} // namespace

TreeBrowser::TreeBrowser(const BrowsedTree& tree) : tree_(tree) {
  list();
}

void TreeBrowser::resize(std::size_t rows, std::size_t columns) {
  screen_rows_ = std::max<std::size_t>(rows, 1);
  columns_ = std::max<std::size_t>(columns, 1);
  move(0);
}

std::size_t TreeBrowser::page() const {
  return screen_rows_ > kLinesAroundList ? screen_rows_ - kLinesAroundList : 1;
}

void TreeBrowser::list() {
  rows_.clear();
  if (view_ == View::folder) list_folder();
  if (view_ == View::wasted) list_wasted();
  if (view_ == View::layers) list_layers();
  if (view_ != View::layers)
    std::stable_sort(rows_.begin(), rows_.end(), [&](const Row& a, const Row& b) {
      return order_ == Order::size && a.bytes != b.bytes ? a.bytes > b.bytes : a.path < b.path;
    });
  move(0);
}

void TreeBrowser::list_folder() {
  const auto& folders = tree_.account.folders;
  const std::string beginning = folder_.empty() ? "" : folder_ + '/';
  for (auto it = folders.lower_bound(beginning);
       it != folders.end() && it->first.starts_with(beginning); ++it) {
    const std::string& path = it->first;
    if (path.size() == beginning.size() || path.find('/', beginning.size()) != std::string::npos)
      continue;
    const TreeShare sum = sum_of(it->second);
    rows_.push_back(
        {path, name_of(path) + '/', tiers_of(it->second), sum.bytes, sum.wasted_bytes, true});
  }
  const auto files = tree_.account.files.find(folder_);
  if (files == tree_.account.files.end()) return;
  for (const ListedFile& file : files->second)
    rows_.push_back({child_path(folder_, file.name), file.name, tree_.tiers[file.tree].name,
                     file.bytes, file.is_wasted ? file.bytes : 0, false});
}

void TreeBrowser::list_wasted() {
  for (const WastedFile& file : tree_.account.wasted)
    rows_.push_back({file.path, '/' + file.path,
                     fmt::format("{} {} {}", tree_.tiers[file.tree].name,
                                 file.kind == WasteKind::replaced ? "under" : "removed by",
                                 tree_.tiers[file.hidden_by].name),
                     file.bytes, file.bytes, false});
}

void TreeBrowser::list_layers() {
  for (std::size_t i = 0; i < tree_.tiers.size(); ++i) {
    const TreeShare& share = tree_.account.trees[i];
    rows_.push_back({"", fmt::format("{}  {} files", tree_.tiers[i].id, share.files),
                     tree_.tiers[i].name, share.bytes, share.wasted_bytes, false});
  }
}

std::string TreeBrowser::tiers_of(const std::vector<TreeShare>& shares) const {
  std::string from;
  for (std::size_t i = shares.size(); i > 0; --i)
    if (shares[i - 1].bytes > 0) from += (from.empty() ? "" : ",") + tree_.tiers[i - 1].name;
  return from.empty() ? "-" : from;
}

TreeBrowser::Demand TreeBrowser::press(const KeyPress& press) {
  if (press.key == Key::interrupt) return Demand::interrupt;
  if (press.key == Key::suspend) return Demand::suspend;
  note_.clear();
  if (typed_) {
    press_in_search(press);
    return Demand::none;
  }
  const auto height = static_cast<std::ptrdiff_t>(page());
  const auto all = static_cast<std::ptrdiff_t>(rows_.size());
  switch (press.key) {
  case Key::up:
    move(-1);
    break;
  case Key::down:
    move(1);
    break;
  case Key::page_up:
    move(-height);
    break;
  case Key::page_down:
    move(height);
    break;
  case Key::home:
    move(-all);
    break;
  case Key::end:
    move(all);
    break;
  case Key::right:
  case Key::enter:
    open();
    break;
  case Key::left:
  case Key::backspace:
  case Key::escape:
    close();
    break;
  case Key::byte:
    return press_byte(press.byte);
  case Key::interrupt:
  case Key::suspend:
    break;
  }
  return Demand::none;
}

TreeBrowser::Demand TreeBrowser::press_byte(char byte) {
  switch (byte) {
  case 'q':
    return Demand::leave;
  case 'k':
    return press({Key::up});
  case 'j':
    return press({Key::down});
  case 'h':
    return press({Key::left});
  case 'l':
    show(view_ == View::layers ? View::folder : View::layers);
    break;
  case 'w':
    show(view_ == View::wasted ? View::folder : View::wasted);
    break;
  case 's':
    order_ = order_ == Order::size ? Order::name : Order::size;
    cursor_ = 0;
    list();
    break;
  case '/':
    typed_ = "";
    break;
  case 'n':
    search_on();
    break;
  default:
    break;
  }
  return Demand::none;
}

void TreeBrowser::press_in_search(const KeyPress& press) {
  if (press.key == Key::byte && typed_->size() < kMaxSearchBytes) *typed_ += press.byte;
  if (press.key == Key::backspace && !typed_->empty()) {
    // A character of several bytes goes as a whole.
    while (!typed_->empty() && (static_cast<unsigned char>(typed_->back()) & 0xc0U) == 0x80U)
      typed_->pop_back();
    if (!typed_->empty()) typed_->pop_back();
  }
  if (press.key == Key::escape) typed_.reset();
  if (press.key != Key::enter) return;
  if (!typed_->empty()) wanted_ = *typed_;
  typed_.reset();
  search_on();
}

void TreeBrowser::show(View view) {
  view_ = view;
  cursor_ = 0;
  list();
}

void TreeBrowser::open() {
  if (rows_.empty()) return;
  const Row row = rows_[cursor_];
  if (view_ == View::wasted) {
    view_ = View::folder;
    go_to(row.path);
  } else if (row.is_folder) {
    folder_ = row.path;
    cursor_ = 0;
    list();
  }
}

void TreeBrowser::close() {
  if (view_ != View::folder)
    show(View::folder);
  else if (!folder_.empty())
    go_to(folder_);
}

// To the row of `path`, in its folder.
void TreeBrowser::go_to(const std::string& path) {
  const std::string wanted = path;
  folder_ = parent_of(wanted);
  list();
  const auto row =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& one) { return one.path == wanted; });
  cursor_ = row == rows_.end() ? 0 : static_cast<std::size_t>(row - rows_.begin());
  move(0);
}

void TreeBrowser::move(std::ptrdiff_t by) {
  const std::ptrdiff_t last =
      std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(rows_.size()) - 1, 0);
  cursor_ = static_cast<std::size_t>(
      std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(cursor_) + by, 0, last));
  if (cursor_ < first_) first_ = cursor_;
  if (cursor_ >= first_ + page()) first_ = cursor_ + 1 - page();
}

void TreeBrowser::search_on() {
  if (wanted_.empty()) return;
  const bool found = view_ == View::folder ? search_tree() : search_rows();
  if (!found) note_ = fmt::format("there is no '{}'", wanted_);
}

// The next row that has it, from the beginning again after the last.
bool TreeBrowser::search_rows() {
  for (std::size_t i = 1; i <= rows_.size(); ++i) {
    const std::size_t at = (cursor_ + i) % rows_.size();
    if (rows_[at].shown.find(wanted_) == std::string::npos) continue;
    cursor_ = at;
    move(0);
    return true;
  }
  return false;
}

// The next name of the whole tree that has it, in the order of paths.
bool TreeBrowser::search_tree() {
  const std::string here = rows_.empty() ? folder_ : rows_[cursor_].path;
  std::optional<std::string> after, first;
  const auto look = [&](const std::string& path) {
    if (path.empty() || name_of(path).find(wanted_) == std::string::npos) return;
    if (path > here && (!after || path < *after)) after = path;
    if (!first || path < *first) first = path;
  };
  for (const auto& [folder, shares] : tree_.account.folders)
    look(folder);
  for (const auto& [folder, files] : tree_.account.files)
    for (const ListedFile& file : files)
      look(child_path(folder, file.name));
  if (!first) return false;
  go_to(after ? *after : *first);
  return true;
}

std::string TreeBrowser::head() const {
  const TreeShare all = sum_of(tree_.account.trees);
  const std::string order = order_ == Order::size ? "by size" : "by name";
  if (view_ == View::wasted)
    return fmt::format("{}: {} wasted, the largest files, {}", tree_.title,
                       human_size(all.wasted_bytes), order);
  if (view_ == View::layers)
    return fmt::format("{}: {}, {} layers", tree_.title, human_size(all.bytes), tree_.tiers.size());
  const auto shares = tree_.account.folders.find(folder_);
  const TreeShare sum =
      shares == tree_.account.folders.end() ? TreeShare() : sum_of(shares->second);
  return fmt::format("{}: /{}: {}, {} wasted, {}", tree_.title, folder_, human_size(sum.bytes),
                     human_size(sum.wasted_bytes), order);
}

std::string TreeBrowser::foot() const {
  if (typed_) return "/" + *typed_;
  if (!note_.empty()) return note_;
  return "arrows hjk move  enter opens  w wasted  l layers  s sort  / find  n next  q quit";
}

std::string TreeBrowser::text_of(const Row& row) const {
  const bool has_room = row.from.size() <= kFromColumns;
  return fmt::format("{:>9} {:>9}  {:<14} {}", human_size(row.bytes),
                     row.wasted_bytes == 0 ? "-" : human_size(row.wasted_bytes),
                     has_room ? row.from : row.from.substr(0, kFromColumns - 1) + '+', row.shown);
}

std::vector<TreeBrowser::Line> TreeBrowser::lines() const {
  using Look = Line::Look;
  std::vector<Line> lines;
  const auto add = [&](const std::string& text, Look look) {
    if (lines.size() < screen_rows_) lines.push_back({fitted(printable(text), columns_), look});
  };
  add(head(), Look::head);
  add(fmt::format("  {:>9} {:>9}  {:<14} {}", "SIZE", "WASTED", "LAYER", "NAME"), Look::head);
  for (std::size_t i = 0; i < page(); ++i) {
    const std::size_t at = first_ + i;
    if (at >= rows_.size())
      add(at == 0 ? "  nothing is here" : "", Look::plain);
    else if (at == cursor_)
      add("> " + text_of(rows_[at]), Look::selected);
    else
      add("  " + text_of(rows_[at]), Look::plain);
  }
  add(foot(), Look::head);
  return lines;
}

} // namespace layerbox
