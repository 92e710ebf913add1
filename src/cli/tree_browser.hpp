// tree_browser: `tree` on a terminal, without the terminal: what is shown, and what a key makes of
// it. Pure.
//
//     TreeBrowser browser(tree);
//     browser.resize(24, 80);
//     browser.press({Key::enter});
//     for (const TreeBrowser::Line& line : browser.lines()) …
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/browse_keys.hpp"
#include "layers/view/account_trees.hpp"

namespace layerbox {

struct BrowsedTree {
  std::string title;
  struct Tier {
    std::string name; // "own", "3", …
    std::string id;   // of its layer, as people are shown it; or "-"
  };
  std::vector<Tier> tiers; // topmost first
  Account account;         // with all folders and its files
};

class TreeBrowser {
 public:
  // `tree` must outlive it.
  explicit TreeBrowser(const BrowsedTree& tree);

  void resize(std::size_t rows, std::size_t columns);
  enum class Demand : std::uint8_t { none, leave, interrupt, suspend };
  Demand press(const KeyPress& press);

  // As many as the terminal has rows, none wider than it; nothing in them moves a cursor.
  struct Line {
    std::string text;
    enum class Look : std::uint8_t { plain, head, selected } look = Look::plain;
  };
  std::vector<Line> lines() const;

 private:
  enum class View : std::uint8_t { folder, wasted, layers };
  enum class Order : std::uint8_t { size, name };
  struct Row {
    std::string path; // relative; "" in the view of layers
    std::string shown;
    std::string from;
    std::uint64_t bytes = 0;
    std::uint64_t wasted_bytes = 0;
    bool is_folder = false;
  };

  void list();
  void list_folder();
  void list_wasted();
  void list_layers();
  Demand press_byte(char byte);
  void press_in_search(const KeyPress& press);
  void show(View view);
  void open();
  void close();
  void go_to(const std::string& path);
  void move(std::ptrdiff_t by);
  void search_on();
  bool search_rows();
  bool search_tree();
  std::string head() const;
  std::string foot() const;
  std::string text_of(const Row& row) const;
  std::string tiers_of(const std::vector<TreeShare>& shares) const;
  std::size_t page() const;

  const BrowsedTree& tree_;
  std::size_t screen_rows_ = 24;
  std::size_t columns_ = 80;
  View view_ = View::folder;
  Order order_ = Order::size;
  std::string folder_;
  std::vector<Row> rows_;
  std::size_t cursor_ = 0;
  std::size_t first_ = 0;            // the row at the top of the list
  std::optional<std::string> typed_; // while a search is being typed
  std::string wanted_;
  std::string note_;
};

} // namespace layerbox
