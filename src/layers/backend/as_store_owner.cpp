#include "layers/backend/as_store_owner.hpp"

#include <unistd.h>

#include "base/error.hpp"

namespace layerbox {

namespace {

bool has_all_rights_here(const Identity& who) {
  return who.privilege == Privilege::root || (::geteuid() == 0 && who.uid != 0);
}

} // namespace

void as_store_owner(const Identity& who, const std::function<void()>& work) {
  if (has_all_rights_here(who)) {
    work();
    return;
  }
  const UniqueFd ns = make_user_namespace(who.store_map, who);
  call_in_user_namespace(ns, work);
}

void as_store_owner_when_refused(const Identity& who, const std::function<void()>& work) {
  try {
    work();
    return;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::permission_denied || has_all_rights_here(who)) throw;
  }
  as_store_owner(who, work);
}

} // namespace layerbox
