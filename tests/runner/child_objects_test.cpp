// Law 7: the child of the clone is another country. Its object files are read for what they ask of
// the outside.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <sstream>
#include <string>

namespace layerbox {
namespace {

// Functions without state, lock or allocation, and what the compiler itself inserts.
const std::set<std::string> kAllowed = {"syscall",
                                        "__errno_location",
                                        "__stack_chk_fail",
                                        "_GLOBAL_OFFSET_TABLE_",
                                        "memchr",
                                        "memcmp",
                                        "memcpy",
                                        "memmove",
                                        "memset",
                                        "strchr",
                                        "strcmp",
                                        "strlen",
                                        "strncmp",
                                        "strrchr",
                                        "bcmp"};
// Of each other: layerbox::run_child, layerbox::child::*.
bool is_of_the_child(const std::string& symbol) {
  return symbol.starts_with("_ZN8layerbox5child") || symbol.starts_with("_ZN8layerbox9run_child");
}

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  std::array<char, 4096> block{};
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), pipe.get()))
    text.append(block.data(), got);
  return text;
}

std::set<std::string> undefined_symbols(const std::string& object) {
  std::istringstream lines(output_of("nm --undefined-only --format=posix '" + object + "'"));
  std::set<std::string> symbols;
  for (std::string line; std::getline(lines, line);)
    symbols.insert(line.substr(0, line.find(' ')));
  return symbols;
}

TEST(ChildObjects, AskForNothingButSystemCallsAndEachOther) {
  std::istringstream objects(LAYERBOX_CHILD_OBJECTS);
  int count = 0;
  for (std::string object; std::getline(objects, object, ':'); ++count) {
    const std::set<std::string> symbols = undefined_symbols(object);
    EXPECT_FALSE(symbols.empty()) << "nm has read nothing from " << object;
    for (const std::string& symbol : symbols)
      EXPECT_TRUE(kAllowed.contains(symbol) || is_of_the_child(symbol))
          << object << " needs " << symbol;
  }
  EXPECT_GE(count, 12);
}

TEST(ChildObjects, HaveNoInitialisersAndNoTablesOfExceptions) {
  std::istringstream objects(LAYERBOX_CHILD_OBJECTS);
  for (std::string object; std::getline(objects, object, ':');) {
    const std::string sections = output_of("objdump -h '" + object + "'");
    EXPECT_NE(sections.find(".text"), std::string::npos) << object;
    EXPECT_EQ(sections.find(".init_array"), std::string::npos) << object;
    EXPECT_EQ(sections.find(".gcc_except_table"), std::string::npos) << object;
  }
}

} // namespace
} // namespace layerbox
