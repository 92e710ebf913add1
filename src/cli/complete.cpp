// __complete: what may stand at the end of a command line, for the scripts of `completion`.
//
//     layerbox __complete -- run --network ""
//     first<TAB>what it is
//     other
//     :files                    last, where a path may stand, too
#include <set>

#include "base/error.hpp"
#include "cli/complete_word.hpp"
#include "cli/find_container.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/network_store.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

std::vector<std::string> image_names(Store& store) {
  std::vector<std::string> names;
  for (const ImageRow& image : store.catalog().images()) {
    names.insert(names.end(), image.names.begin(), image.names.end());
    if (image.names.empty()) names.push_back(short_id(image.id.hex()));
  }
  return names;
}

std::vector<std::string> stored_names(Store& store, NameKind kind) {
  std::vector<std::string> names;
  switch (kind) {
  case NameKind::image:
    return image_names(store);
  case NameKind::container:
    for (const ContainerInfo& container : list_containers(store))
      names.push_back(display_name(container.state));
    break;
  case NameKind::volume:
    for (const VolumeInfo& volume : list_volumes(store))
      names.push_back(volume.name);
    break;
  case NameKind::network:
    for (const NetworkRecord& network : list_networks(store))
      names.push_back(network.name);
    break;
  }
  return names;
}

class CompleteVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.options_end_at_first_operand();
    line.operands("WORD", words_, Arity::any_number,
                  "the words after the program's name; the last is being typed");
  }

  // Somebody is typing: whatever is wrong, with the store too, is no answer and no message.
  int run(Invocation&) override {
    Completion completion = complete_word(words_);
    std::string text;
    for (const Candidate& word : completion.words)
      text += word.about.empty() ? word.word + '\n' : word.word + '\t' + word.about + '\n';
    try {
      for (const std::string& name : names(completion))
        text += name + '\n';
    } catch (const std::exception&) {
    }
    if (completion.files) text += ":files\n";
    print(text);
    return exit_code::kDone;
  }

 private:
  std::set<std::string> names(const Completion& completion) const {
    std::set<std::string> all;
    if (completion.names.empty()) return all;
    Invocation other({completion.root, true}, {});
    Store* store = other.existing_store();
    if (store == nullptr) return all;
    const std::string typed = words_.empty() ? "" : words_.back();
    for (const WantedNames& wanted : completion.names)
      for (const std::string& name : stored_names(*store, wanted.kind)) {
        const std::string word = wanted.before + name + wanted.after;
        if (word.starts_with(typed)) all.insert(word);
      }
    return all;
  }

  std::vector<std::string> words_;
};

} // namespace

std::unique_ptr<Verb> make_complete_verb() {
  return std::make_unique<CompleteVerb>();
}

} // namespace layerbox
