// volume rm: volumes go, with what is in them.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

class VolumeRmVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("A volume that a container uses stays: one that runs, or one that is kept. "
                 "Prints what was removed, one line each.");
    line.operands("NAME", names_, Arity::one_or_more, "a volume");
    line.flag("-f,--force", force_, "a volume that is not there is no error");
    line.example("layerbox volume rm cache", "remove the volume 'cache' and its files");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    for (const std::string& name : names_)
      with_context([&] { return fmt::format("removing volume '{}'", name); },
                   [&] { remove(store, name); });
    const Store::SweepResult swept = store.sweep();
    if (swept.left > 0)
      invocation.progress().warn(
          fmt::format("{} things in the trash are left for later: {}", swept.left, swept.why));
    return exit_code::kDone;
  }

 private:
  void remove(const Store& store, const std::string& name) const {
    try {
      remove_volume(store, name);
    } catch (const Error& error) {
      if (force_ && error.kind() == ErrorKind::not_found) return;
      throw;
    }
    print(name + '\n');
  }

  std::vector<std::string> names_;
  bool force_ = false;
};

} // namespace

std::unique_ptr<Verb> make_volume_rm_verb() {
  return std::make_unique<VolumeRmVerb>();
}

} // namespace layerbox
