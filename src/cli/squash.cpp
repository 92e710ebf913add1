// squash: an image's layers become one.
#include "cli/enter_user_namespace.hpp"
#include "cli/made_image.hpp"
#include "cli/verbs.hpp"
#include "layers/squash_image.hpp"

namespace layerbox {
namespace {

class SquashVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("The new image has one layer with the files that the image shows: what a higher "
                 "layer deletes or replaces is not in it. Its config is the same, and the steps of "
                 "its history stay, without layers. REF stays as it is, and what both have in "
                 "common on disk is nothing. The same image gives the same one.\n\n"
                 "Prints the new image's id, a tab, and its name.");
    line.operand("REF", reference_, "a name, an id, or a unique beginning of one");
    line.operand("NEWREF", name_, "NAME[:TAG]; the tag is 'latest' when it is left out");
    line.example("layerbox squash app:1 app:small", "an image without its layers' past");
  }

  int run(Invocation& invocation) override {
    const ImageRef name = parse_new_name("squash", name_);
    Store& store = invocation.store();
    return in_trees_namespace(invocation.identity(),
                              [&] { return squash(invocation, store, name); });
  }

 private:
  int squash(Invocation& invocation, Store& store, const ImageRef& name) {
    store.sweep();
    const Staging staging = store.new_staging();
    const StoredImage image = find_image(store, reference_);
    Progress& progress = invocation.progress();
    tell_made_image(store, squash_image(store, staging, image, name, progress), name, progress);
    return exit_code::kDone;
  }

  std::string reference_;
  std::string name_;
};

} // namespace

std::unique_ptr<Verb> make_squash_verb() {
  return std::make_unique<SquashVerb>();
}

} // namespace layerbox
