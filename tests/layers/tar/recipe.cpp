#include "tests/layers/tar/recipe.hpp"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "base/digest.hpp"
#include "tests/layers/tar/tar_builder.hpp"

namespace layerbox::test {
namespace {

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 's')
      plain += ' ';
    else if (c == 'n')
      plain += '\n';
    else if (c == '0')
      plain += '\0';
    else if (c == 'x') {
      plain += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else
      plain += c;
  }
  return plain;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

struct Words {
  std::vector<std::string> plain;
  std::vector<std::pair<std::string, std::string>> options;
  const std::string& at(std::size_t i) const { return plain.at(i); }
  std::string or_empty(std::size_t i) const { return i < plain.size() ? plain[i] : ""; }
};

Words split(const std::string& line) {
  Words words;
  std::istringstream in(line);
  std::string word;
  while (in >> word) {
    const std::size_t equals = word.find('=');
    if (word[0] == '@' && equals != std::string::npos)
      words.options.emplace_back(word.substr(1, equals - 1), unescape(word.substr(equals + 1)));
    else
      words.plain.push_back(unescape(word));
  }
  return words;
}

void apply(Header& h, const std::string& key, const std::string& value) {
  if (key == "mode")
    h.mode = std::stoull(value, nullptr, 8);
  else if (key == "uid")
    h.uid = std::stoull(value);
  else if (key == "gid")
    h.gid = std::stoull(value);
  else if (key == "mtime")
    h.mtime = std::stoull(value);
  else if (key == "size")
    h.size = std::stoull(value);
  else if (key == "sum")
    h.bad_sum = value == "bad";
  else if (key == "dialect")
    h.dialect = value == "gnu" ? Header::Dialect::gnu : Header::Dialect::v7;
  else if (key == "at") {
    const std::size_t colon = value.find(':');
    h.raw.emplace_back(std::stoull(value.substr(0, colon)), value.substr(colon + 1));
  } else
    throw std::runtime_error("unknown option " + key);
}

Header header_of(const Words& words, char type, std::uint64_t mode) {
  Header h;
  h.name = words.at(1);
  h.type = type;
  h.mode = mode;
  return h;
}

void add_entry(TarBuilder& tar, Header h, const Words& words, const std::string& body = "") {
  for (const auto& [key, value] : words.options)
    apply(h, key, value);
  tar.entry(std::move(h), body);
}

TarBuilder::Pax records_of(const Words& words) {
  TarBuilder::Pax records;
  for (std::size_t i = 1; i < words.plain.size(); ++i) {
    const std::size_t equals = words.plain[i].find('=');
    records.emplace_back(words.plain[i].substr(0, equals), words.plain[i].substr(equals + 1));
  }
  return records;
}

void set_limit(ImportLimits& limits, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  const std::string name = setting.substr(0, equals);
  const std::uint64_t value = std::stoull(setting.substr(equals + 1));
  if (name == "max_entries")
    limits.max_entries = value;
  else if (name == "max_bytes")
    limits.max_bytes = value;
  else if (name == "max_depth")
    limits.max_depth = static_cast<std::uint32_t>(value);
  else if (name == "max_xattr_bytes")
    limits.max_xattr_bytes = static_cast<std::uint32_t>(value);
  else if (name == "max_xattrs")
    limits.max_xattrs = static_cast<std::uint32_t>(value);
  else if (name == "max_pax_bytes")
    limits.max_pax_bytes = value;
  else
    throw std::runtime_error("unknown limit " + name);
}

void run_entry(TarBuilder& tar, const Words& words) {
  const std::string& verb = words.at(0);
  if (verb == "file")
    add_entry(tar, header_of(words, '0', 0644), words, words.or_empty(2));
  else if (verb == "dir")
    add_entry(tar, header_of(words, '5', 0755), words);
  else if (verb == "fifo")
    add_entry(tar, header_of(words, '6', 0644), words);
  else if (verb == "symlink" || verb == "link") {
    Header h = header_of(words, verb == "link" ? '1' : '2', 0777);
    h.link = words.at(2);
    add_entry(tar, h, words, words.or_empty(3));
  } else if (verb == "char" || verb == "block") {
    Header h = header_of(words, verb == "char" ? '3' : '4', 0644);
    h.major = std::stoull(words.at(2));
    h.minor = std::stoull(words.at(3));
    add_entry(tar, h, words);
  } else if (verb == "entry") {
    add_entry(tar, header_of(words, words.at(2)[0], 0644), words, words.or_empty(3));
  } else if (verb == "special") {
    Header h;
    h.name = "special";
    h.type = words.at(1)[0];
    add_entry(tar, h, words, words.or_empty(2));
  } else
    throw std::runtime_error("unknown command " + verb);
}

void run(TarBuilder& tar, const std::string& line) {
  const Words words = split(line);
  const std::string& verb = words.at(0);
  if (verb == "pax")
    tar.pax(records_of(words));
  else if (verb == "global")
    tar.pax(records_of(words), 'g');
  else if (verb == "long")
    tar.long_name(words.at(1));
  else if (verb == "longlink")
    tar.long_name(words.at(1), 'K');
  else if (verb == "bytes")
    tar.bytes(words.at(1));
  else if (verb == "zeros")
    tar.bytes(std::string(std::stoull(words.at(1)), '\0'));
  else
    run_entry(tar, words);
}

} // namespace

std::vector<Recipe> read_recipes(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::vector<Recipe> recipes;
  std::string line;
  bool in_tree = false;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("== ")) {
      recipes.push_back({});
      recipes.back().name = line.substr(3);
      in_tree = false;
      continue;
    }
    Recipe& recipe = recipes.at(recipes.size() - 1);
    if (line.starts_with("=> refused "))
      recipe.refused = line.substr(11);
    else if (line == "=> tree")
      in_tree = true;
    else if (line.starts_with("=> implied "))
      recipe.implied = line.substr(11) == "-" ? "" : line.substr(11);
    else if (line.starts_with("=> warned "))
      recipe.warned.push_back(line.substr(10));
    else
      (in_tree ? recipe.tree : recipe.commands).push_back(line);
  }
  return recipes;
}

RecipeTar make_tar(const Recipe& recipe, const std::string& canary) {
  TarBuilder tar;
  RecipeTar made;
  bool end = true;
  for (const std::string& command : recipe.commands) {
    const std::string line = replaced(command, "$CANARY", canary);
    if (line == "noend") {
      end = false;
    } else if (line.starts_with("limit ")) {
      set_limit(made.limits, line.substr(6));
    } else if (line.starts_with("repeat ")) {
      std::size_t count_end = 0;
      const int count = std::stoi(line.substr(7), &count_end);
      for (int i = 0; i < count; ++i)
        run(tar, replaced(line.substr(7 + count_end + 1), "%d", std::to_string(i)));
    } else {
      run(tar, line);
    }
  }
  made.bytes = end ? tar.finish() : tar.unfinished();
  return made;
}

std::vector<std::string> short_tree(const std::string& tree_text) {
  std::vector<std::string> lines;
  std::istringstream in(replaced(tree_text, " 0:0 0.000000000", ""));
  for (std::string line; std::getline(in, line);)
    if (line != "dir 0755 \"\"") lines.push_back(line);
  return lines;
}

std::string filled_in(const std::string& recipe_line, const std::string& canary) {
  const std::string line = replaced(recipe_line, "$CANARY", canary);
  const std::size_t open = line.rfind(" {");
  const std::size_t close = line.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return line;
  const std::string content = unescape(line.substr(open + 2, close - open - 2));
  return line.substr(0, open) + fmt::format(" {} {}", content.size(), sha256(content).str()) +
         line.substr(close + 1);
}

} // namespace layerbox::test
