// volume rm, network rm: what has a name of its own in the store goes.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/network_store.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

struct RemovedNoun {
  const char* word;
  const char* details;
  const char* example;
  const char* purpose;
  void (*remove)(const Store&, const std::string&);
};

constexpr RemovedNoun kRemovedVolume = {
    "volume",
    "A volume that a container uses stays: one that runs, or one that is "
    "kept. Prints what was removed, one line each.",
    "layerbox volume rm cache", "remove the volume 'cache' and its files", remove_volume};
constexpr RemovedNoun kRemovedNetwork = {
    "network",
    "A network that a container uses stays: one that runs, or one that is "
    "kept. Prints what was removed, one line each.",
    "layerbox network rm blue", "remove the network 'blue'", remove_network};

class NamedRmVerb : public Verb {
 public:
  explicit NamedRmVerb(const RemovedNoun& noun) : noun_(noun) {}

  void declare(CommandLine& line) override {
    line.details(noun_.details);
    line.operands("NAME", names_, Arity::one_or_more, "as 'create' was told");
    line.flag("-f,--force", force_, "one that is not there is no error");
    line.example(noun_.example, noun_.purpose);
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    for (const std::string& name : names_)
      with_context([&] { return fmt::format("removing {} '{}'", noun_.word, name); },
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
      noun_.remove(store, name);
    } catch (const Error& error) {
      if (force_ && error.kind() == ErrorKind::not_found) return;
      throw;
    }
    print(name + '\n');
  }

  const RemovedNoun& noun_;
  std::vector<std::string> names_;
  bool force_ = false;
};

} // namespace

std::unique_ptr<Verb> make_volume_rm_verb() {
  return std::make_unique<NamedRmVerb>(kRemovedVolume);
}

std::unique_ptr<Verb> make_network_rm_verb() {
  return std::make_unique<NamedRmVerb>(kRemovedNetwork);
}

} // namespace layerbox
