#include "cli/invocation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "cli/terminal_progress.hpp"

namespace layerbox {
namespace {

// The user 0 of a user namespace may be an ordinary user outside, whose store is in his home.
bool has_roots_places(const Identity& identity) {
  if (identity.privilege == Privilege::root) return true;
  return ::geteuid() == 0 && ::faccessat(AT_FDCWD, "/var/lib", W_OK, AT_EACCESS) == 0;
}

} // namespace

const Identity& Invocation::identity() {
  if (!identity_) identity_ = current_identity();
  return *identity_;
}

const Settings& Invocation::settings() {
  if (!settings_)
    settings_ =
        load_settings(process_settings_sources(has_roots_places(identity())), options_.root);
  return *settings_;
}

Store& Invocation::store() {
  if (!store_) store_.emplace(Store::open(settings().root.value, identity()));
  return *store_;
}

Store* Invocation::existing_store() {
  if (!store_)
    if (auto found = Store::open_existing(settings().root.value, identity()))
      store_.emplace(std::move(*found));
  return store_ ? &*store_ : nullptr;
}

Store& Invocation::swept_store() {
  store().sweep();
  return *store_;
}

Progress& Invocation::progress() {
  if (!progress_) progress_ = make_terminal_progress(options_.quiet);
  return *progress_;
}

} // namespace layerbox
