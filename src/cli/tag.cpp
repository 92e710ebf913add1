// tag: one more name for an image.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/error_report.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

class TagVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("A name that another image has is taken from it. Prints the image's id, a tab, "
                 "and the new name.");
    line.operand("REF", reference_, "a name, an id, or a unique beginning of one");
    line.operand("NEWREF", name_, "NAME[:TAG]; the tag is 'latest' when it is left out");
    line.example("layerbox tag debian:12 debian:stable", "name the same image a second time");
  }

  int run(Invocation& invocation) override {
    const ImageRef name = parse_name();
    Store& store = invocation.swept_store();
    const Digest id = store.catalog().resolve_image(reference_);
    store.catalog().tag_image(id, name);
    record_events(store.root(), {named_event("image", "tag", id.str(), name.str())});
    print(fmt::format("{}\t{}\n", id.str(), name.str()));
    return exit_code::kDone;
  }

 private:
  ImageRef parse_name() const {
    try {
      ImageRef name = ImageRef::parse(name_);
      if (!name.digest) return name;
    } catch (const Error& error) {
      throw UsageError(fmt::format("tag: {}", error.what()));
    }
    throw UsageError(fmt::format("tag: '{}' has a digest; a name has none", name_));
  }

  std::string reference_;
  std::string name_;
};

} // namespace

std::unique_ptr<Verb> make_tag_verb() {
  return std::make_unique<TagVerb>();
}

} // namespace layerbox
