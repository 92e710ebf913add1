#include "cli/invocation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "cli/terminal_progress.hpp"

namespace layerbox {

const Identity& Invocation::identity() {
  if (!identity_) identity_ = current_identity();
  return *identity_;
}

// The user 0 of a user namespace may be an ordinary user outside, whose store is in his home. The
// machine's own is not asked who he is for this: a start asks when its process is made.
bool Invocation::has_roots_places() {
  if (::geteuid() != 0) return false;
  return ::faccessat(AT_FDCWD, "/var/lib", W_OK, AT_EACCESS) == 0 ||
         identity().privilege == Privilege::root;
}

const Settings& Invocation::settings() {
  if (!settings_)
    settings_ = load_settings(process_settings_sources(has_roots_places()), options_.root);
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
