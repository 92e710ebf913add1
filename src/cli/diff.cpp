// diff: what a container changed, or what is different between two root file systems.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/enter_user_namespace.hpp"
#include "cli/error_report.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/rootfs_operand.hpp"
#include "cli/verbs.hpp"
#include "layers/view/compare_views.hpp"

namespace layerbox {
namespace {

struct Change {
  ChangeKind kind;
  std::string path; // absolute
};

char letter(ChangeKind kind) {
  return kind == ChangeKind::added ? 'A' : kind == ChangeKind::changed ? 'C' : 'D';
}

const char* word(ChangeKind kind) {
  return kind == ChangeKind::added ? "added" : kind == ChangeKind::changed ? "changed" : "deleted";
}

class DiffVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Of a container, what it changed of its image; of two containers or images, what the "
        "second one has otherwise than the first. One line a path: A for one that was added, C for "
        "one that was changed (or replaced, or a directory in which something was), D for one that "
        "was deleted, with all that was below it.\n\n"
        "What was written and is as before is no change. Volumes, and empty mount points that were "
        "made for the container, are not part of it, and neither are sockets. Of a container that "
        "runs, the answer is of this moment.\n\n"
        "The JSON document is an array of objects: kind (added, changed, deleted), path.");
    line.operands("CONTAINER|IMAGE [CONTAINER|IMAGE]", references_, Arity::one_or_more,
                  "names, ids, or unique beginnings of them");
    format_.declare(line);
    line.example("layerbox diff build", "what the container 'build' changed");
    line.example("layerbox diff app:1 app:2", "what is new in the second image");
  }

  int run(Invocation& invocation) override {
    if (references_.size() > 2)
      throw UsageError("diff: more than two names",
                       "usage: layerbox diff CONTAINER|IMAGE [CONTAINER|IMAGE]");
    Store& store = invocation.store();
    return in_trees_namespace(invocation.identity(), [&] { return compare(store); });
  }

 private:
  int compare(Store& store) {
    store.sweep();
    const Staging nothing_goes = store.new_staging();
    const RootfsOperand first = RootfsOperand::open(store, references_.front(), Records::unread);
    if (references_.size() == 1) {
      if (first.container() == nullptr)
        throw UsageError(fmt::format("diff: '{}' is an image; it needs another to be compared with",
                                     references_.front()));
      list(first.container()->image(), first.view(), store.identity());
    } else {
      const RootfsOperand second = RootfsOperand::open(store, references_.back(), Records::unread);
      list(first.view(), second.view(), store.identity());
      second.require_still_there();
    }
    first.require_still_there();
    if (format_.json())
      print_json(document());
    else
      print(lines());
    return exit_code::kDone;
  }

  void list(const RootfsView& before, const RootfsView& now, const Identity& who) {
    list_changes(before, now, who, [this](ChangeKind kind, const RelPath& path) {
      changes_.push_back({kind, '/' + path.str()});
    });
  }

  nlohmann::ordered_json document() const {
    auto list = nlohmann::ordered_json::array();
    for (const Change& change : changes_)
      list.push_back({{"kind", word(change.kind)}, {"path", change.path}});
    return list;
  }

  std::string lines() const {
    std::string text;
    for (const Change& change : changes_)
      text += fmt::format("{} {}\n", letter(change.kind), printable(change.path));
    return text;
  }

  std::vector<std::string> references_;
  FormatOption format_;
  std::vector<Change> changes_;
};

} // namespace

std::unique_ptr<Verb> make_diff_verb() {
  return std::make_unique<DiffVerb>();
}

} // namespace layerbox
