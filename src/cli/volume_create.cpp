// volume create: an empty volume.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/error_report.hpp"
#include "cli/labels.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

class VolumeCreateVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Prints the volume's name. One that is there already stays as it is. 'run -v "
                 "NAME:DIR' makes a volume by itself when it is missing.");
    line.operands("NAME", names_, Arity::any_number,
                  "letters, digits, '_', '.' and '-'; a random one when it is left out");
    line.list("-l,--label", labels_, "K=V", "a label that inspect shows");
    line.example("layerbox volume create cache", "make the volume 'cache'");
    line.example("layerbox run -v cache:/var/cache debian:12 ls /var/cache", "and use it");
  }

  int run(Invocation& invocation) override {
    if (names_.size() > 1)
      throw UsageError(fmt::format("volume create: one name, not also '{}'", names_[1]));
    const std::string name = names_.empty() ? new_container_id() : names_.front();
    Store& store = invocation.swept_store();
    const Labels labels = parse_labels("volume create", labels_);
    with_context([&] { return fmt::format("making volume '{}'", name); },
                 [&] { make(store, name, labels); });
    print(name + '\n');
    return exit_code::kDone;
  }

 private:
  static void make(const Store& store, const std::string& name, const Labels& labels) {
    if (create_volume(store, name, labels) || labels.empty()) return;
    const auto there = find_volume(store, name);
    if (!there || there->labels == labels) return;
    Error error(ErrorKind::already_exists, "it is there, with other labels");
    error.set_hint(fmt::format("'layerbox volume inspect {}' shows them", name));
    throw error;
  }

  std::vector<std::string> names_;
  std::vector<std::string> labels_;
};

} // namespace

std::unique_ptr<Verb> make_volume_create_verb() {
  return std::make_unique<VolumeCreateVerb>();
}

} // namespace layerbox
