// __man: prints the manual page of a verb, or of the program. For packagers and for the build.
#include <fmt/format.h>

#include "cli/error_report.hpp"
#include "cli/man_page.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

class ManVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.operands("COMMAND", names_, Arity::any_number, "the command; none prints layerbox(1)");
    line.flag("--list", list_, "print the names of all commands that have a page");
  }

  int run(Invocation&) override {
    if (list_) {
      for (const VerbEntry& entry : verbs())
        if (!entry.group.empty()) print(std::string(entry.name) + '\n');
    } else if (names_.empty()) {
      print(program_man_page(verbs()));
    }
    for (const std::string& name : names_)
      print_page(name);
    return exit_code::kDone;
  }

 private:
  static void print_page(const std::string& name) {
    const VerbEntry* entry = find_verb(name);
    if (entry == nullptr) throw UsageError(fmt::format("__man: there is no command '{}'", name));
    const std::unique_ptr<Verb> verb = entry->make();
    CommandLine line{std::string(entry->name), std::string(entry->summary)};
    CommonOptions common;
    declare_all(line, *verb, common);
    print(verb_man_page(line.describe()));
  }

  std::vector<std::string> names_;
  bool list_ = false;
};

} // namespace

std::unique_ptr<Verb> make_man_verb() {
  return std::make_unique<ManVerb>();
}

} // namespace layerbox
