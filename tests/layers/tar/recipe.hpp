// recipe: tars and what shall become of them, as text that a reader can follow.
//
//     == reject-dotdot-name                  one vector, named after its rule
//     file a/../../evil x                    the tar, a line an entry
//     => refused has a '..' component        the error says this …
//
//     == accept-leading-slash
//     limit max_entries=10
//     file /etc/motd hello @mode=600
//     => tree                                … or the tree looks like this
//     dir 0755 "etc"
//     file 0600 "etc/motd" {hello}
//     => implied . etc                   (of none: -)
//     => warned 1 socket
//
// Words are separated by spaces; \s \n \0 \xNN stand for bytes; $CANARY is the absolute name of the
// canary directory. Commands: file NAME [CONTENT], dir NAME, symlink NAME TARGET, link NAME TARGET
// [CONTENT], char|block NAME MAJOR MINOR, fifo NAME, entry NAME TYPE [CONTENT], pax|global
// KEY=VALUE…, long NAME, longlink NAME, special TYPE BODY (any header with a body), bytes BYTES,
// zeros COUNT, repeat COUNT COMMAND… (with %d), noend, limit NAME=VALUE. Options of an entry:
// @mode= @uid= @gid= @mtime= @size= @sum=bad @dialect=gnu|v7 @at=OFFSET:BYTES (into the header).
//
// In trees, owner 0:0 at time 0 is left out, so is the top when it is 0755, and {TEXT} stands for
// the size and sha256 of TEXT.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layers/import_limits.hpp"

namespace layerbox::test {

struct Recipe {
  std::string name;
  std::vector<std::string> commands;
  std::optional<std::string> refused;
  std::vector<std::string> tree;
  std::optional<std::string> implied; // as "A B C", "." for the top
  std::vector<std::string> warned;
};

struct RecipeTar {
  std::string bytes;
  ImportLimits limits;
};

std::vector<Recipe> read_recipes(const std::string& path);
RecipeTar make_tar(const Recipe& recipe, const std::string& canary);
// The tree's text in the short form of recipes.
std::vector<std::string> short_tree(const std::string& tree_text);
// A line of a recipe's tree with {TEXT} and $CANARY replaced.
std::string filled_in(const std::string& line, const std::string& canary);

} // namespace layerbox::test
