// invocation: what one run of a verb has around it: settings, identity, store, progress. Each is
// made when it is first asked for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "base/userns.hpp"
#include "cli/settings.hpp"
#include "store/store.hpp"

namespace layerbox {

// The options of every verb.
struct CommonOptions {
  std::optional<std::string> root;
  bool quiet = false;
};

class Invocation {
 public:
  // `words` are the user's, after the verb.
  Invocation(CommonOptions options, std::vector<std::string> words)
      : options_(std::move(options)), words_(std::move(words)) {}

  bool quiet() const { return options_.quiet; }
  const std::vector<std::string>& words() const { return words_; }
  const Identity& identity();
  const Settings& settings();
  Store& store();
  // For who only looks: null where no store is; nothing is made. Not to be mixed with store().
  Store* existing_store();
  // The same, after what killed commands left in it has been removed.
  Store& swept_store();
  // Bars when standard error is a terminal, plain lines when not, warnings alone when quiet.
  Progress& progress();

 private:
  bool has_roots_places();

  CommonOptions options_;
  std::vector<std::string> words_;
  std::optional<Identity> identity_;
  std::optional<Settings> settings_;
  std::optional<Store> store_;
  std::unique_ptr<Progress> progress_;
};

} // namespace layerbox
